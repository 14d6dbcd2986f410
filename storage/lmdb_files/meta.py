"""The two meta pages of an LMDB 0.9 file, read without LMDB.

LMDB maps a file and believes it: a file that is too short is a SIGBUS, not an error. Reading the meta pages
first costs microseconds. LMDB writes the meta of transaction ``n`` to page ``n % 2``.
"""

import os
import struct
from dataclasses import dataclass
from pathlib import Path

from ..errors import CorruptionError

BRANCH_FLAG = 0x01
LEAF_FLAG = 0x02
NO_PAGE = 2**64 - 1

_MAGIC = 0xBEEFC0DE
_DATA_VERSION = 1
_META_FLAG = 0x08
# Page header: number, pad, flags, free space. Meta: magic, version, address, map size, the record of the tree
# of free pages, that of the main tree, last page, transaction. A record: page size or 0, flags, depth, the
# numbers of branch, leaf and overflow pages and of entries, root.
_META = struct.Struct("<QHHI IIQQ IHHQQQQQ IHHQQQQQ QQ")
# Of the environment, kept with the tree of free pages: its keys are numbers; and the file has no folder.
_INTEGER_KEYS = 0x08
_NO_FOLDER = 0x4000
_PAGE_SIZES = frozenset(1 << exponent for exponent in range(9, 17))
_LARGEST_PAGE = max(_PAGE_SIZES)


@dataclass(frozen=True, slots=True)
class TreeRecord:
    """What a meta page says of a tree: `counts` are depth, branches, leaves, overflow pages and entries."""

    root: int
    counts: tuple[int, int, int, int, int]

    @property
    def depth(self) -> int:
        """How many levels the tree has."""
        return self.counts[0]


@dataclass(frozen=True, slots=True)
class MetaPage:
    """What one meta page says: its transaction, the last page then, the two trees."""

    page_size: int
    transaction: int
    last_page: int
    free: TreeRecord
    main: TreeRecord


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
        return parse_meta(file.read(_LARGEST_PAGE + _META.size), file_bytes, name)


def parse_meta(start: bytes | memoryview, file_bytes: int, name: str) -> LmdbMeta:
    """Return what the meta pages at the start of a file of `file_bytes` say; see `read_meta`."""
    first = _parse(start[: _META.size], 0, name)
    second = _parse(start[first.page_size : first.page_size + _META.size], 1, name)
    if second.page_size != first.page_size:
        raise CorruptionError(
            name, f"its meta pages state page sizes of {first.page_size} and {second.page_size}"
        )
    return LmdbMeta((first, second), file_bytes)


def _parse(raw: bytes | memoryview, number: int, name: str) -> MetaPage:
    if len(raw) < _META.size:
        raise CorruptionError(name, f"the file ends inside meta page {number}")
    page, _, flags, _, magic, version, _, _, *rest = _META.unpack(raw)
    if (page, flags, magic, version) != (number, _META_FLAG, _MAGIC, _DATA_VERSION):
        raise CorruptionError(name, f"meta page {number} is not one of LMDB 0.9")
    (page_size, free_flags, *free), (main_pad, main_flags, *main) = rest[:8], rest[8:16]
    if page_size not in _PAGE_SIZES:
        raise CorruptionError(name, f"meta page {number} states a page size of {page_size}")
    if free_flags & ~_NO_FOLDER != _INTEGER_KEYS or main_pad or main_flags:
        raise CorruptionError(name, f"meta page {number} states flags {free_flags:#x} and {main_flags:#x}")
    last_page, transaction = rest[16:]
    return MetaPage(page_size, transaction, last_page, _tree(free), _tree(main))


def _tree(record: list[int]) -> TreeRecord:
    depth, branches, leaves, overflow, entries, root = record
    return TreeRecord(root, (depth, branches, leaves, overflow, entries))
