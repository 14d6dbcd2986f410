"""The trees of an LMDB 0.9 file, read without LMDB.

py-lmdb touches every page of a value it returns, even when only its address is wanted: the arrays of a
segment would be read from disk as soon as it is opened. So their places in the file are read out of the tree
here.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from .errors import CorruptionError
from .lmdb_meta import MetaPage, read_meta

_BRANCH_FLAG = 0x01
_LEAF_FLAG = 0x02
_BIG_VALUE_FLAG = 0x01
_NO_PAGE = 2**64 - 1
# Page: number, pad, flags, end and start of the free space. The offsets of the nodes follow.
_PAGE = struct.Struct("<QHHHH")
# Node: three numbers of 16 bits, the length of the key, the key. In a branch the three are the number of a
# page. In a leaf two are the length of the value and the third its flags; the value follows the key, or the
# number of the first of the pages it has for itself does.
_NODE = struct.Struct("<HHHH")
_NUMBER = struct.Struct("<Q")
_DEEPEST = 32


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value is in the file."""

    offset: int
    size: int


def places(path: str | Path, stop: bytes) -> Iterator[tuple[bytes, Place]]:
    """Yield the keys below `stop` in order, each with the place of its value, which lies inside the file.

    Raises
    ------
    CorruptionError
        When a page on the way to a key is damaged.
    """
    tree = _Tree(os.fspath(path), read_meta(path).newest)
    with open(path, "rb") as file:
        for key, place in tree.entries(file, tree.meta.main_root, _DEEPEST):
            if key >= stop:
                return
            yield key, place


def check_transactions(path: str | Path) -> None:
    """Raise CorruptionError unless the file holds its last two transactions under their own numbers.

    A changed transaction number makes LMDB go on from an older state. Every transaction that changes a tree
    frees pages, the old root at least, and lists them under its number in the tree of free pages; so the
    largest number in that tree is the transaction's own. The first one has nothing to free. Only for files
    that were never emptied.
    """
    name = os.fspath(path)
    meta = read_meta(name)
    even, odd = meta.transactions
    if (even, odd) == (0, 0):
        return
    if even % 2 or not odd % 2 or abs(even - odd) != 1:
        raise CorruptionError(name, f"its meta pages are of transactions {even} and {odd}")
    with open(name, "rb") as file:
        for page in meta.pages:
            freed = _Tree(name, page).last_freed(file)
            if freed != (page.transaction if page.transaction > 1 else 0):
                raise CorruptionError(
                    name, f"the state of transaction {page.transaction} was written by transaction {freed}"
                )


class _Tree:
    """The two trees that one meta page leads to."""

    def __init__(self, path: str, meta: MetaPage) -> None:
        self.meta = meta
        self._path = path

    def entries(self, file: BinaryIO, page: int, depth: int) -> Iterator[tuple[bytes, Place]]:
        """Yield the keys under a page in order, each with the place of its value."""
        if page == _NO_PAGE:
            return
        raw, is_leaf, nodes = self._read(file, page, depth)
        for at in nodes:
            key, third, length, after = self._node(raw, at, page)
            if is_leaf:
                yield key, self._place(raw, page, third, length, after)
            else:
                yield from self.entries(file, third << 32 | length, depth - 1)

    def last_freed(self, file: BinaryIO) -> int:
        """Return the largest key in the tree of free pages, 0 when it is empty."""
        page, depth = self.meta.free_root, _DEEPEST
        while page != _NO_PAGE:
            raw, is_leaf, nodes = self._read(file, page, depth)
            key, third, length, _ = self._node(raw, nodes[-1], page)
            if is_leaf:
                return int.from_bytes(key, "little")
            page, depth = third << 32 | length, depth - 1
        return 0

    def _read(self, file: BinaryIO, page: int, depth: int) -> tuple[bytes, bool, tuple[int, ...]]:
        """Return a page, whether it is a leaf, and where in it the nodes are."""
        if page > self.meta.last_page or depth == 0:
            raise self._damaged(page)
        file.seek(page * self.meta.page_size)
        raw = file.read(self.meta.page_size)
        if len(raw) < self.meta.page_size:
            raise self._damaged(page)
        stated, _, flags, lower, _ = _PAGE.unpack_from(raw)
        count = (lower - _PAGE.size) // 2
        if stated != page or flags not in (_BRANCH_FLAG, _LEAF_FLAG) or not 1 <= count <= len(raw) // 4:
            raise self._damaged(page)
        return raw, flags == _LEAF_FLAG, struct.unpack_from(f"<{count}H", raw, _PAGE.size)

    def _node(self, raw: bytes, at: int, page: int) -> tuple[bytes, int, int, int]:
        """Return key, third number, first two numbers as one, and where the key ends."""
        if at + _NODE.size > len(raw):
            raise self._damaged(page)
        first, second, third, key_length = _NODE.unpack_from(raw, at)
        after = at + _NODE.size + key_length
        if after > len(raw):
            raise self._damaged(page)
        return raw[at + _NODE.size : after], third, second << 16 | first, after

    def _place(self, raw: bytes, page: int, flags: int, size: int, after: int) -> Place:
        """Return the place of the value whose node has its key end at `after`."""
        if after + (_NUMBER.size if flags & _BIG_VALUE_FLAG else size) > len(raw):
            raise self._damaged(page)
        place = Place(page * self.meta.page_size + after, size)
        if flags & _BIG_VALUE_FLAG:
            (first,) = _NUMBER.unpack_from(raw, after)
            place = Place(first * self.meta.page_size + _PAGE.size, size)
        if place.offset + size > (self.meta.last_page + 1) * self.meta.page_size:
            raise CorruptionError(self._path, f"a value of {size} bytes at {place.offset} leaves the file")
        return place

    def _damaged(self, page: int) -> CorruptionError:
        return CorruptionError(self._path, f"page {page} is not a page of a tree")
