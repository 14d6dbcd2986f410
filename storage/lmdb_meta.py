"""The two meta pages of an LMDB 0.9 file, read without LMDB.

LMDB maps a file and believes it: a file that is too short is a SIGBUS, not an error. Reading the meta pages
first costs microseconds. LMDB writes the meta of transaction ``n`` to page ``n % 2``.
"""

import os
import struct
from dataclasses import dataclass
from pathlib import Path

from .errors import CorruptionError

_MAGIC = 0xBEEFC0DE
_DATA_VERSION = 1
_META_FLAG = 0x08
# Page header: number, pad, flags, free space. Meta: magic, version, address, map size, the record of the tree
# of free pages (it begins with the page size and ends with the root), that of the main tree, last page,
# transaction.
_META = struct.Struct("<QHHI IIQQ I36xQ 40xQ QQ")
_PAGE_SIZES = frozenset(1 << exponent for exponent in range(9, 17))


@dataclass(frozen=True, slots=True)
class MetaPage:
    """What one meta page says: its transaction, the last page then, the roots of the two trees."""

    page_size: int
    transaction: int
    last_page: int
    free_root: int
    main_root: int


@dataclass(frozen=True, slots=True)
class LmdbMeta:
    """Both meta pages, in the order of the file, and the length of the file."""

    pages: tuple[MetaPage, MetaPage]
    file_bytes: int

    @property
    def page_size(self) -> int:
        """The bytes of a page."""
        return self.pages[0].page_size

    @property
    def transactions(self) -> tuple[int, int]:
        """The transactions of page 0 and page 1."""
        return self.pages[0].transaction, self.pages[1].transaction

    @property
    def newest(self) -> MetaPage:
        """The page that LMDB goes by."""
        return max(self.pages, key=lambda page: page.transaction)

    @property
    def last_page(self) -> int:
        """The last page of the newer transaction."""
        return self.newest.last_page


def read_meta(path: str | Path) -> LmdbMeta:
    """Return what the meta pages of the file say.

    Raises
    ------
    CorruptionError
        When the file is no LMDB 0.9 file. It may be shorter than its last page: a page that was taken and
        given back within one transaction was never written.
    """
    name = os.fspath(path)
    with open(name, "rb") as file:
        file_bytes = os.fstat(file.fileno()).st_size
        first = _parse(file.read(_META.size), 0, name)
        file.seek(first.page_size)
        second = _parse(file.read(_META.size), 1, name)
    if second.page_size != first.page_size:
        raise CorruptionError(
            name, f"its meta pages state page sizes of {first.page_size} and {second.page_size}"
        )
    return LmdbMeta((first, second), file_bytes)


def _parse(raw: bytes, number: int, name: str) -> MetaPage:
    if len(raw) < _META.size:
        raise CorruptionError(name, f"the file ends inside meta page {number}")
    page, _, flags, _, magic, version, _, _, page_size, *rest = _META.unpack(raw)
    if (page, flags, magic, version) != (number, _META_FLAG, _MAGIC, _DATA_VERSION):
        raise CorruptionError(name, f"meta page {number} is not one of LMDB 0.9")
    if page_size not in _PAGE_SIZES:
        raise CorruptionError(name, f"meta page {number} states a page size of {page_size}")
    free_root, main_root, last_page, transaction = rest
    return MetaPage(page_size, transaction, last_page, free_root, main_root)
