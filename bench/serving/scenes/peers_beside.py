"""This server beside others on the same data: queries a second at equal recall."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TypeAlias

import numpy as np

from ...comparison.pareto import seconds_at
from ...harness.loaded import EF_CONSTRUCTION, M
from ...harness.truth import Truth, recall
from ...report.terminal import warn
from ..load.background import Background, free_port
from ..load.figure import Figure
from ..load.placement import FREE
from ..load.setting import Setting
from ..peers import PEERS
from ..peers.peer_client import PeerClient, PeerMissingError

OURS = "vicinal"
EFFORTS = (16, 32, 48, 96, 192, 384)
LEVELS = (0.95, 0.99)
TIMES = 3.0
QUERIES = 500
_ENOUGH_RECALL = 0.996
_LOAD_SECONDS = 60.0
# Nothing leaves this machine, and nobody is slowed down by a log of every call.
_QUIET = {"ANONYMIZED_TELEMETRY": "False", "RUST_LOG": "error"}


Sweep: TypeAlias = "Iterator[Sequence[ServedPoint]]"
"""The points of one server, one effort after the other."""


@dataclass(frozen=True)
class ServedPoint:
    """One server at one effort with some callers."""

    peer: str
    ef: int
    callers: int
    recall: float
    per_second: float
    p50_us: float
    p99_us: float

    @property
    def seconds(self) -> float:
        """Seconds of the server's time that a query takes, as comparing at equal recall wants it."""
        return 1 / self.per_second


def measure_peers(setting: Setting, names: Sequence[str], python: str) -> list[Figure]:
    """Sweep the effort of all servers, in turns, so that drift of the machine hits all alike.

    A server whose client the interpreter does not have is named and left out.

    Returns
    -------
    list of Figure
        One per point, and one per peer, level and number of callers.
    """
    vectors, queries = setting.scratch / "vectors.npy", setting.scratch / "queries.npy"
    np.save(vectors, setting.dataset.vectors)
    np.save(queries, setting.dataset.queries[:QUERIES])
    with ExitStack() as stack:
        sweeps = [stack.enter_context(_ours(setting))]
        for name in names:
            module, packages = PEERS[name]
            try:
                sweeps.append(stack.enter_context(_loaded_peer(setting, name, module, python)))
            except PeerMissingError as error:
                warn(f"{name} skipped: {error}; install {packages} for {python}, see --peers-python")
        points = [point for turn in zip_longest(*sweeps, fillvalue=()) for found in turn for point in found]
    measured = [name for name in names if any(point.peer == name for point in points)]
    points.sort(key=lambda point: [OURS, *names].index(point.peer))
    return [*map(_point_figure, points), *_beside(points, measured, setting.callers)]


@contextmanager
def _client(setting: Setting, module: str, python: str) -> Iterator[PeerClient]:
    vectors, queries = (setting.scratch / f"{name}.npy" for name in ("vectors", "queries"))
    log = setting.scratch / f"{module}.log"
    with PeerClient(module, python, vectors, queries, log, setting.step) as client:
        yield client


@contextmanager
def _ours(setting: Setting) -> Iterator[Sweep]:
    with setting.serving(FREE) as server, _client(setting, OURS, sys.executable) as client:
        client.do("connect", "connect", address=server.address)
        yield _sweep(setting, OURS, client, lambda: None)


@contextmanager
def _loaded_peer(setting: Setting, name: str, module: str, python: str) -> Iterator[Sweep]:
    port, folder = free_port(), setting.scratch / name
    log, address = setting.scratch / f"{name}-server.log", f"127.0.0.1:{port}"
    with _client(setting, module, python) as client:
        described = client.do("describe", "load the client", folder=str(folder), port=port)
        with Background(described["command"], log, address=address, environment=_QUIET) as server:

            def restart() -> None:
                if described["restarts_for_effort"]:
                    server.restart()
                    client.do("connect", "connect", address=address)

            client.do("connect", "connect", address=address)
            graph = {"m": M, "ef_construction": EF_CONSTRUCTION}
            client.do("load", "load and index", _LOAD_SECONDS, metric=setting.dataset.metric, **graph)
            yield _sweep(setting, name, client, restart)


def _sweep(setting: Setting, name: str, client: PeerClient, restart: Callable[[], None]) -> Sweep:
    """Measure with one caller and with several at rising effort, until recall is nearly 1."""
    out = setting.scratch / "answers.npy"
    seconds = setting.seconds / 2
    for ef in EFFORTS:
        if ef < setting.k:
            continue
        client.do("effort", f"ef {ef}", ef=ef)
        restart()
        client.do("answers", f"recall at ef {ef}", k=setting.k, out=str(out))
        reached = _recall(setting, out)
        points = []
        for callers in dict.fromkeys((1, setting.callers)):
            with setting.timing():
                stage = f"ef {ef}, callers: {callers}"
                rate = client.do("rate", stage, seconds, k=setting.k, callers=callers, seconds=seconds)
            points.append(ServedPoint(name, ef, callers, reached, **rate))
        yield points
        if reached >= _ENOUGH_RECALL:
            return


def _recall(setting: Setting, answers: Path) -> float:
    found, truth = np.load(answers), setting.truth
    return recall(setting.dataset, Truth(truth.ids[: len(found)], truth.scores[: len(found)]), found)


def _point_figure(point: ServedPoint) -> Figure:
    return Figure(
        name=f"{point.peer}, ef {point.ef}, callers: {point.callers}",
        asked="",
        measured=f"recall {point.recall:.4f}, {point.per_second:,.0f} queries/s, "
        f"p50 {point.p50_us:,.0f} us, p99 {point.p99_us:,.0f} us",
        record={
            "peer": point.peer,
            "ef": point.ef,
            "callers": point.callers,
            "recall": round(point.recall, 5),
            "queries_per_second": round(point.per_second, 1),
            "p50_us": round(point.p50_us, 1),
            "p99_us": round(point.p99_us, 1),
        },
    )


def _beside(points: Sequence[ServedPoint], names: Sequence[str], callers: int) -> Iterator[Figure]:
    for name in names:
        for level in LEVELS:
            for number in dict.fromkeys((1, callers)):
                rates = [
                    _rate_at([p for p in points if p.peer == peer and p.callers == number], level)
                    for peer in (OURS, name)
                ]
                yield _beside_figure(name, level, number, *rates)


def _rate_at(points: Sequence[ServedPoint], level: float) -> tuple[float, str] | None:
    """Queries a second at a recall, and how that is known."""
    seconds = seconds_at(points, level)
    if seconds is not None:
        return 1 / seconds, ""
    # One that is never below the level does at least this well at it.
    above = [point for point in points if point.recall >= level]
    if not above:
        return None
    best = max(above, key=lambda point: point.per_second)
    return best.per_second, f" (at {best.recall:.4f}, its lowest)"


def _beside_figure(
    name: str, level: float, callers: int, ours: tuple[float, str] | None, theirs: tuple[float, str] | None
) -> Figure:
    title = f"beside {name} at recall {level:.2f}, callers: {callers}"
    asked = f"at least {TIMES:g} x its queries/s"
    if ours is None or theirs is None:
        return Figure(title, asked, f"{OURS if ours is None else name} does not reach this recall")
    times = ours[0] / theirs[0]
    return Figure(
        name=title,
        asked=asked,
        measured=f"{ours[0]:,.0f}/s{ours[1]}, {times:.1f} x its {theirs[0]:,.0f}/s{theirs[1]}",
        holds=times >= TIMES,
        record={
            "peer": name,
            "level": level,
            "callers": callers,
            "ours_per_second": round(ours[0], 1),
            "peer_per_second": round(theirs[0], 1),
            "times": round(times, 2),
        },
    )
