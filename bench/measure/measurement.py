"""What every command of `vicinal bench` is: options, what it needs, and what it finds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from rich.table import Table

from ...engine.progress import Progress
from ..datasets import Dataset
from ..datasets.multi.dataset import MultiDataset
from ..datasets.sparse_dataset import SparseDataset
from ..datasets.texts import TextDataset
from ..harness.timing import Watch, exclusive
from ..harness.truth import Truth
from ..peers import Peer

if TYPE_CHECKING:
    from ...engine.collection import Collection

Record = dict[str, Any]


@dataclass(frozen=True)
class Needs:
    """What is made ready before a measurement runs: exact answers, a collection, its payloads; engines.

    The data may be sparse vectors, multi-vectors or texts, of which nothing else is made ready. What is
    measured may be other processes: then how busy those kept the machine is not recorded (`watched`).
    """

    data: Literal["dense", "sparse", "multi", "texts"] = "dense"
    truth: bool = False
    collection: bool = False
    payloads: bool = False
    peers: tuple[str, ...] = ()
    watched: bool = True


@dataclass(eq=False)
class Prepared:
    """What a measurement works with; of some fields there is what it said it needs."""

    peers: Sequence[Peer]
    scratch: Path
    lock: Path | None
    watch: Watch
    step: Progress
    data: Dataset = field(init=False)
    sparse: SparseDataset = field(init=False)
    multi: MultiDataset = field(init=False)
    texts: TextDataset = field(init=False)
    truth: Truth = field(init=False)
    collection: Collection = field(init=False)

    @contextmanager
    def timing(self) -> Iterator[None]:
        """Hold the lock of those who share the machine, and count what others do on it."""
        with exclusive(self.lock), self.watch.watching():
            yield


@dataclass(frozen=True)
class Finding:
    """What was found: records to keep, tables of them to show, and bounds that did not hold, in words."""

    records: Sequence[Record]
    tables: Sequence[Table]
    broken: Sequence[str | None] = ()


class Measurement(Protocol):
    """One command of `vicinal bench`: a frozen dataclass of its options, declared as Typer's.

    Its name is the command's and the `kind` of its records, its docstring the command's help. Further fields
    called `queries`, `rows`, `metric` and `query_file` choose from the dataset.
    """

    name: ClassVar[str]

    @property
    def needs(self) -> Needs: ...
    @property
    def dataset(self) -> str: ...
    @property
    def k(self) -> int: ...
    @property
    def out(self) -> Path: ...
    @property
    def lock(self) -> Path | None: ...

    def run(self, ready: Prepared) -> Iterator[Finding]:
        """Measure, and yield each part as soon as it is found."""
        ...
