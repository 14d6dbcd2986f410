"""The tree of keys of an LMDB 0.9 file in memory, read without LMDB.

LMDB holds a descriptor for every environment and believes every page. A segment file never changes, so its
values are found here: from any thread without a lock, and a page that cannot be one is an error.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import CorruptionError
from .meta import BRANCH_FLAG, LEAF_FLAG, NO_PAGE, MetaPage

_BIG_VALUE_FLAG = 0x01
# Page: number, pad, flags, end and start of the free space. The offsets of the nodes follow.
_PAGE = struct.Struct("<QHHHH")
# Node: three numbers of 16 bits, the length of the key, the key. In a branch the three are the number of a
# page. In a leaf two are the length of the value and the third its flags; the value follows the key, or the
# number of the first of the pages it has for itself does.
_NODE = struct.Struct("<HHHH")
_NODE_AT = struct.Struct("<H")
_NUMBER = struct.Struct("<Q")
_DEEPEST = 32
_KEPT_LEAVES = 256

Branch = tuple[list[bytes], list[int]]


class Place(NamedTuple):
    """Where a value is in the file."""

    offset: int
    size: int


class LmdbTree:
    """The keys of one file. Safe to use from many threads.

    Pages are kept as lists and dictionaries once a lookup has read them: all branches, which takes about a
    byte for each key of the file, and the first leaves, which together take 5 MB at most.

    Parameters
    ----------
    memory : ndarray
        The bytes of the file.
    meta : MetaPage
        Says where the tree begins.
    path : str
        Named in errors.
    """

    def __init__(self, memory: NDArray[np.uint8], meta: MetaPage, path: str) -> None:
        self._memory = memory.data
        self._page_size = meta.page_size
        self._end = min(len(memory), (meta.last_page + 1) * meta.page_size)
        self._root = meta.main.root
        self._path = path
        self._branches: dict[int, Branch] = {}
        self._leaves: dict[int, dict[bytes, Place]] = {}

    def find(self, key: bytes) -> Place | None:
        """Return where the value of `key` is, None when there is no such key."""
        page = self._root
        if page == NO_PAGE:
            return None
        for _ in range(_DEEPEST):
            leaf = self._leaves.get(page)
            if leaf is not None:
                return leaf.get(key)
            branch = self._branches.get(page)
            if branch is None:
                is_leaf, count = self._header(page)
                if is_leaf:
                    return self._find_in_leaf(page, count, key)
                branch = self._branches[page] = self._branch(page, count)
            keys, children = branch
            page = children[bisect_right(keys, key) - 1]
        raise self._damaged(page)

    def entries(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, Place]]:
        """Yield the keys with ``start <= key < stop`` in order, each with the place of its value.

        Raises
        ------
        CorruptionError
            When a page on the way to a key is damaged.
        """
        if self._root != NO_PAGE:
            yield from self._below(self._root, start, stop, _DEEPEST)

    def _below(self, page: int, start: bytes, stop: bytes, depth: int) -> Iterator[tuple[bytes, Place]]:
        if not depth:
            raise self._damaged(page)
        is_leaf, count = self._header(page)
        if is_leaf:
            for key, place in self._leaf(page, count):
                if start <= key < stop:
                    yield key, place
            return
        keys, children = self._branch(page, count)
        first = bisect_right(keys, start) - 1
        for child, least in zip(children[first:], keys[first:], strict=True):
            if least >= stop:
                return
            yield from self._below(child, start, stop, depth - 1)

    def _header(self, page: int) -> tuple[bool, int]:
        """Return whether a page is a leaf, and how many nodes it has."""
        base = page * self._page_size
        if base + self._page_size > self._end:
            raise self._damaged(page)
        stated, _, flags, lower, _ = _PAGE.unpack_from(self._memory, base)
        count = (lower - _PAGE.size) // 2
        if stated != page or flags not in (BRANCH_FLAG, LEAF_FLAG) or not 1 <= count <= self._page_size // 4:
            raise self._damaged(page)
        return flags == LEAF_FLAG, count

    def _nodes(self, page: int, count: int) -> tuple[int, ...]:
        """Return where in a page its nodes are."""
        return struct.unpack_from(f"<{count}H", self._memory, page * self._page_size + _PAGE.size)

    def _branch(self, page: int, count: int) -> Branch:
        keys, children = [], []
        for at in self._nodes(page, count):
            key, third, low, _ = self._node(page, at)
            keys.append(key)
            children.append(third << 32 | low)
        # LMDB never looks at the first key of a branch: it stands for everything below the second.
        keys[0] = b""
        if any(left >= right for left, right in pairwise(keys)):
            raise self._damaged(page)
        return keys, children

    def _leaf(self, page: int, count: int) -> Iterator[tuple[bytes, Place]]:
        for at in self._nodes(page, count):
            key, flags, size, after = self._node(page, at)
            yield key, self._place(page, flags, size, after)

    def _find_in_leaf(self, page: int, count: int, key: bytes) -> Place | None:
        if len(self._leaves) < _KEPT_LEAVES:
            leaf = self._leaves[page] = dict(self._leaf(page, count))
            return leaf.get(key)
        memory, size = self._memory, self._page_size
        base = page * size
        low, high = 0, count
        while low < high:
            middle = (low + high) // 2
            (at,) = _NODE_AT.unpack_from(memory, base + _PAGE.size + 2 * middle)
            start = at + _NODE.size
            if start > size:
                raise self._damaged(page)
            # The length of the key is the last part of a node's head.
            stop = start + _NODE_AT.unpack_from(memory, base + start - _NODE_AT.size)[0]
            if stop > size:
                raise self._damaged(page)
            found = bytes(memory[base + start : base + stop])
            if found < key:
                low = middle + 1
            elif found > key:
                high = middle
            else:
                _, flags, length, after = self._node(page, at)
                return self._place(page, flags, length, after)
        return None

    def _node(self, page: int, at: int) -> tuple[bytes, int, int, int]:
        """Return key, third number, first two numbers as one, and where in the page the key ends."""
        if at + _NODE.size > self._page_size:
            raise self._damaged(page)
        base = page * self._page_size
        first, second, third, key_length = _NODE.unpack_from(self._memory, base + at)
        after = at + _NODE.size + key_length
        if after > self._page_size:
            raise self._damaged(page)
        return bytes(self._memory[base + at + _NODE.size : base + after]), third, second << 16 | first, after

    def _place(self, page: int, flags: int, size: int, after: int) -> Place:
        """Return the place of the value whose node has its key end at `after`."""
        big = bool(flags & _BIG_VALUE_FLAG)
        if after + (_NUMBER.size if big else size) > self._page_size:
            raise self._damaged(page)
        offset = page * self._page_size + after
        if big:
            (first,) = _NUMBER.unpack_from(self._memory, offset)
            offset = first * self._page_size + _PAGE.size
        if offset + size > self._end:
            raise CorruptionError(self._path, f"a value of {size} bytes at {offset} leaves the file")
        return Place(offset, size)

    def _damaged(self, page: int) -> CorruptionError:
        return CorruptionError(self._path, f"page {page} is not a page of a tree")
