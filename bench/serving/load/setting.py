"""What all measurements of the server share: data, folders, how long and with how many callers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ....engine.progress import Progress
from ...datasets import Dataset
from ...harness.timing import exclusive
from ...harness.truth import Truth
from .background import Background
from .placement import Placement


@dataclass(frozen=True, eq=False)
class Setting:
    """How to measure.

    Attributes
    ----------
    dataset, truth
        What is stored and asked, and the exact answers.
    folder : Path
        The loaded database.
    scratch : Path
        For logs, and for databases that a measurement fills; emptied by whoever made it.
    seconds : float
        How long one thing is measured.
    overload_seconds : float
        How long the overload lasts.
    callers : int
        Concurrent callers, where several are asked for.
    lock : Path, optional
        File to hold while timing.
    step : callable
        Told the stage and its finished share.
    """

    dataset: Dataset
    truth: Truth
    folder: Path
    scratch: Path
    seconds: float
    overload_seconds: float
    callers: int
    lock: Path | None
    step: Progress

    @property
    def k(self) -> int:
        """Neighbours of a query."""
        return self.truth.k

    @contextmanager
    def serving(
        self, placement: Placement, folder: Path | None = None, *, workers: int = 0
    ) -> Iterator[Background]:
        """Serve the database, or another folder, with the limits a server has by default.

        In one process, whose time and memory can be told, unless there are to be ``workers``.
        """
        command = [sys.executable, "-m", "vicinal", "serve", str(folder or self.folder), "--port", "0"]
        command += ["--workers", str(workers)]
        with Background(command, self.scratch / "server.log", cores=placement.server) as server:
            yield server

    @contextmanager
    def echoing(self, placement: Placement) -> Iterator[Background]:
        """Run the bare gRPC server."""
        command = [sys.executable, "-m", f"{__package__}.echo_server"]
        with Background(command, self.scratch / "echo.log", cores=placement.server) as server:
            yield server

    @contextmanager
    def timing(self) -> Iterator[None]:
        """Hold the lock of those who share the machine."""
        with exclusive(self.lock):
            yield
