"""Whether the pages of an LMDB 0.9 file can be believed, told from its trees without LMDB.

LMDB believes every page it maps: a file that was cut short or changed ends the process, or answers wrongly.
So the trees of one state are looked at before LMDB may use them: every branch and leaf, the head of every
value that has pages of its own, and the list of free pages; values are not. A level of a tree is looked at as
a whole, with numpy, because opening a database waits for it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import CorruptionError
from .meta import BRANCH_FLAG, LEAF_FLAG, NO_PAGE, MetaPage, TreeRecord

_OVERFLOW_FLAG = 0x04
_PAGE_BYTES = 16
_NODE_BYTES = 8
_LONGEST_KEY = 511
_META_PAGES = 2
# Keys are compared in rows of the longest one; so many at once take tens of megabytes at most.
_KEYS_AT_ONCE = 1 << 16

Numbers = NDArray[np.int64]


class Entries(NamedTuple):
    """The leaf entries of a tree in order: where in the file each key and each value is."""

    key_at: Numbers
    key_bytes: Numbers
    value_at: Numbers
    value_bytes: Numbers


class _Nodes(NamedTuple):
    """The nodes of one level: the page of each by its place in the level, and the parts of its head."""

    page: Numbers
    key_at: Numbers
    key_bytes: Numbers
    low: Numbers
    third: Numbers


class LmdbStructure:
    """The two trees that one meta page leads to.

    Parameters
    ----------
    memory : ndarray
        The bytes of the file. Pages of this state must not change meanwhile.
    meta : MetaPage
    path : str
        Named in errors. Every method raises CorruptionError when a page is not what LMDB leaves.
    """

    def __init__(self, memory: NDArray[np.uint8], meta: MetaPage, path: str) -> None:
        self._path = path
        self._meta = meta
        self._size = meta.page_size
        self.memory = memory
        self._in_file = len(memory) // meta.page_size
        self._pages = memory[: self._in_file * self._size].reshape(self._in_file, self._size)
        self._used: list[Numbers] = [np.arange(_META_PAGES)]
        self._claimed = _META_PAGES

    def entries(self) -> Entries:
        """Check everything and return where keys and values are; to be called once."""
        self.check_transaction()
        entries = self._tree(self._meta.main)
        self._check_order(entries)
        self._check_accounts()
        return entries

    def check_transaction(self) -> None:
        """Check the list of free pages, and that the state was written by the transaction it states.

        A changed number makes LMDB go on from an older state. Every transaction that changes a tree frees
        pages, the old root at least, and lists them under its number; so the largest number in the list is
        its own. The first one may have nothing to free.
        """
        newest = self._take_free(self._tree(self._meta.free))
        if newest != self._meta.transaction and (newest or self._meta.transaction > 1):
            raise CorruptionError(
                self._path, f"the state of transaction {self._meta.transaction} was written by {newest}"
            )

    def _tree(self, record: TreeRecord) -> Entries:
        none = np.empty(0, np.int64)
        if record.root == NO_PAGE:
            if record.counts != (0, 0, 0, 0, 0):
                raise CorruptionError(self._path, f"an empty tree states {record.counts}")
            return Entries(none, none, none, none)
        level = np.array([self._number(record.root)])
        branches = depth = 0
        separators: list[tuple[_Nodes, Numbers]] = []
        while True:
            depth += 1
            is_leaf, nodes, first = self._level(level)
            if is_leaf:
                break
            branches += len(level)
            separators.append((nodes, first))
            level = nodes.low | nodes.third << 32
            if depth >= record.depth:
                raise CorruptionError(self._path, f"a tree is deeper than the {record.depth} it states")
        entries, overflow = self._values(level, nodes)
        found = (depth, branches, len(level), overflow, len(entries.key_at))
        if found != record.counts:
            raise CorruptionError(self._path, f"a tree has {found}, its record says {record.counts}")
        if record is self._meta.main:
            self._check_separators(separators, nodes, first)
        return entries

    def _level(self, numbers: Numbers) -> tuple[bool, _Nodes, Numbers]:
        """Return whether these pages are leaves, their nodes, and which node is the first of each page."""
        size = self._size
        self._claim(numbers)
        pages = self._pages[numbers]
        words = pages.view("<u2")
        flags, lower, upper = (words[:, at].astype(np.int64) for at in (5, 6, 7))
        counts = (lower - _PAGE_BYTES) // 2
        sound = pages[:, :8].copy().view("<u8")[:, 0] == numbers.astype(np.uint64)
        sound &= (flags == flags[0]) & ((flags == BRANCH_FLAG) | (flags == LEAF_FLAG))
        sound &= (lower > _PAGE_BYTES) & (lower <= upper) & (upper <= size) & (lower % 2 == 0)
        self._demand(sound, numbers)
        page = np.repeat(np.arange(len(numbers)), counts)
        first = np.cumsum(counts) - counts
        at = words[page, _PAGE_BYTES // 2 + np.arange(len(page)) - first[page]].astype(np.int64)
        self._demand((at >= upper[page]) & (at + _NODE_BYTES <= size) & (at % 2 == 0), numbers[page])
        low, high, third, key_bytes = (words[page, at // 2 + part].astype(np.int64) for part in range(4))
        key_end = at + _NODE_BYTES + key_bytes
        is_leaf = bool(flags[0] == LEAF_FLAG)
        low |= high << 16
        # A value is in its page or has a page's number there; a branch has nothing behind the key.
        behind = np.where(third & 1, 8, low) if is_leaf else 0
        stops = key_end + behind
        self._demand(
            (key_bytes <= _LONGEST_KEY) & (stops <= size) & (not is_leaf or third <= 1), numbers[page]
        )
        # Nodes fill the end of a page without a gap, each rounded up to 2 bytes.
        filled = np.add.reduceat(stops - at + (stops - at) % 2, first)
        self._demand(filled == size - upper, numbers)
        key_at = numbers[page] * size + at + _NODE_BYTES
        return is_leaf, _Nodes(page, key_at, key_bytes, low, third), first

    def _values(self, numbers: Numbers, nodes: _Nodes) -> tuple[Entries, int]:
        """Return the entries of the leaves, and how many pages their big values have."""
        at = nodes.key_at + nodes.key_bytes
        big = np.flatnonzero(nodes.third & 1)
        raw = self.memory[at[big][:, None] + np.arange(8)].view("<u8").reshape(-1)
        if len(raw) and int(raw.max()) >= self._in_file:
            raise CorruptionError(self._path, f"a value begins on page {int(raw.max())}, behind the end")
        starts = raw.astype(np.int64)
        heads = self._pages[starts, :_PAGE_BYTES].copy()
        runs = heads[:, 12:].copy().view("<u4").reshape(-1).astype(np.int64)
        sound = heads[:, :8].copy().view("<u8").reshape(-1) == raw
        sound &= heads[:, 10:12].copy().view("<u2").reshape(-1) == _OVERFLOW_FLAG
        sound &= runs >= -(-(nodes.low[big] + _PAGE_BYTES) // self._size)
        sound &= starts + runs <= min(self._in_file, self._meta.last_page + 1)
        self._demand(sound, starts)
        total = int(runs.sum())
        self._claim(np.repeat(starts - np.cumsum(runs) + runs, runs) + np.arange(total))
        value_at = at
        value_at[big] = starts * self._size + _PAGE_BYTES
        return Entries(nodes.key_at, nodes.key_bytes, value_at, nodes.low), total

    def _check_order(self, entries: Entries) -> None:
        for start in range(0, len(entries.key_at) - 1, _KEYS_AT_ONCE):
            here = slice(start, start + _KEYS_AT_ONCE + 1)
            sizes = entries.key_bytes[here]
            keys = self._keys(entries.key_at[here], sizes, int(sizes.max()))
            wrong = np.flatnonzero(keys[:-1] >= keys[1:])
            if len(wrong):
                page = int(entries.key_at[start + wrong[0]]) // self._size
                raise CorruptionError(self._path, f"the keys of page {page} are not in order")

    def _check_separators(self, levels: list[tuple[_Nodes, Numbers]], leaves: _Nodes, first: Numbers) -> None:
        """Check that the keys of each branch lie between those of its children."""
        last = np.append(first[1:], len(leaves.key_at)) - 1
        width = max(int(nodes.key_bytes.max()) for nodes in (leaves, *(nodes for nodes, _ in levels)))
        lowest = self._keys(leaves.key_at[first], leaves.key_bytes[first], width)
        highest = self._keys(leaves.key_at[last], leaves.key_bytes[last], width)
        for nodes, first_child in reversed(levels):
            keys = self._keys(nodes.key_at, nodes.key_bytes, width)
            sound = np.append(True, highest[:-1] < keys[1:]) & (keys <= lowest)
            # LMDB never looks at the first key of a branch.
            sound[first_child] = True
            self._demand(sound, nodes.key_at // self._size)
            last_child = np.append(first_child[1:], len(keys)) - 1
            lowest, highest = lowest[first_child], highest[last_child]

    def _keys(self, at: Numbers, sizes: Numbers, width: int) -> NDArray[np.bytes_]:
        """Return keys of at most `width` bytes as byte strings that numpy orders as LMDB orders them."""
        within = np.arange(width)
        rows = np.zeros((len(at), width + 3), np.uint8)
        inside = within < sizes[:, None]
        rows[:, :width][inside] = self.memory[(at[:, None] + within)[inside]]
        # Behind the zeros that fill a row, its length tells a key from one that ends in zeros.
        rows[:, width], rows[:, width + 1], rows[:, width + 2] = sizes >> 8, sizes & 0xFF, 1
        return rows.view(f"S{width + 3}").reshape(-1)

    def _take_free(self, entries: Entries) -> int:
        """Take in the free pages, listed by the transaction that freed them; return the newest of these."""
        newest = 0
        for at, key_bytes, value_at, size in zip(*(column.tolist() for column in entries), strict=True):
            transaction = int.from_bytes(self.memory[at : at + key_bytes].tobytes(), "little")
            listed = np.frombuffer(self.memory[value_at : value_at + size // 8 * 8].tobytes(), "<u8")
            count = int(listed[0]) if len(listed) else -1
            if key_bytes != 8 or transaction <= newest or not 0 <= count < len(listed):
                raise CorruptionError(self._path, "the list of free pages is not one")
            newest = transaction
            pages = listed[1 : count + 1]
            if count and int(pages.max()) > self._meta.last_page:
                raise CorruptionError(self._path, f"page {int(pages.max())} is free and behind the end")
            self._used.append(pages.astype(np.int64))
        return newest

    def _check_accounts(self) -> None:
        """Check that every page is used once, or free."""
        used = np.concatenate(self._used)
        # Free pages may lie behind the end of the file: taken and given back within one transaction.
        if len(used) != self._meta.last_page + 1:
            raise CorruptionError(
                self._path, f"{len(used)} pages are used or free, the last one is {self._meta.last_page}"
            )
        counts = np.bincount(used, minlength=len(used))
        if (counts != 1).any():
            raise CorruptionError(self._path, f"page {int(np.argmax(counts))} is used twice")

    def _claim(self, numbers: Numbers) -> None:
        """Count pages as used; they must lie in the file and behind the meta pages."""
        end = min(self._in_file, self._meta.last_page + 1)
        self._demand((numbers >= _META_PAGES) & (numbers < end), numbers)
        self._used.append(numbers)
        self._claimed += len(numbers)
        # Pages that lead to each other would be looked at forever.
        if self._claimed > end:
            raise CorruptionError(self._path, f"its trees have more than the {end} pages of the file")

    def _number(self, page: int) -> int:
        if page >= self._in_file:
            raise CorruptionError(self._path, f"a tree begins on page {page}, behind the end")
        return page

    def _demand(self, sound: NDArray[np.bool_], numbers: Numbers) -> None:
        if not sound.all():
            page = int(numbers[np.argmin(sound)])
            raise CorruptionError(self._path, f"page {page} is not what LMDB leaves there")


def keys_with_lengths(memory: NDArray[np.uint8], entries: Entries) -> NDArray[np.uint8]:
    """Return the keys in order as one array of bytes, each preceded by its length (u16)."""
    sizes = entries.key_bytes
    ends = np.cumsum(sizes + 2)
    joined = np.empty(int(ends[-1]) if len(ends) else 0, np.uint8)
    starts = ends - sizes - 2
    joined[starts] = sizes & 0xFF
    joined[starts + 1] = sizes >> 8
    within = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    joined[np.repeat(starts + 2, sizes) + within] = memory[np.repeat(entries.key_at, sizes) + within]
    return joined
