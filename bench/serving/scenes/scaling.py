"""Two workers beside one: what a second process of readers brings."""

from __future__ import annotations

import os

from ..load.endpoints import Search
from ..load.figure import Figure
from ..load.placement import FREE, Placement
from ..load.rounds import EndpointProcess, measure_rounds
from ..load.setting import Setting
from ..load.worker import results, workers

WORKERS = (1, 2)
TIMES = 1.8
# A connection stays with the worker that it came to, so there are several.
CLIENTS = 4
TURNS = 3


def measure_scaling(setting: Setting) -> list[Figure]:
    """Single queries from several processes, of one worker and of two, in turns."""
    placement = _placement()
    rates: dict[int, list[float]] = {number: [] for number in WORKERS}
    with setting.timing():
        for _ in range(TURNS):
            for number, found in rates.items():
                found.append(_rate(setting, placement, number))
    one, two = (sorted(found)[len(found) // 2] for found in rates.values())
    return [
        Figure(
            name=f"{setting.callers} callers, single queries: two workers beside one",
            asked=f"at least {TIMES} x one worker, with a core for each and others for callers",
            measured=f"{two:,.0f}/s, {two / one:.2f} x the {one:,.0f}/s of one ({placement.words}, "
            f"{os.cpu_count()} cores)",
            holds=two >= TIMES * one,
            record={
                "times": round(two / one, 3),
                "per_second": {
                    str(number): [round(rate, 1) for rate in found] for number, found in rates.items()
                },
                "placement": placement.words,
            },
        )
    ]


def _rate(setting: Setting, placement: Placement, number: int) -> float:
    with (
        setting.serving(placement, workers=number) as server,
        workers(CLIENTS, placement.clients) as clients,
    ):
        options = {"k": setting.k, "with_payload": False}
        place = {"search": EndpointProcess(Search(server.address, setting.dataset.queries, options))}
        callers = max(1, setting.callers // CLIENTS)
        seconds = setting.seconds / TURNS
        futures = [one.submit(measure_rounds, place, callers, seconds, 1) for one in clients]
        found = results(futures, f"{number} workers", seconds, setting.step)
    return sum(one["search"].per_second for one in found)


def _placement() -> Placement:
    """A core for each worker and others for the callers; not pinned where there are too few."""
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    most = max(WORKERS)
    return FREE if len(usable) <= most else Placement(frozenset(usable[:most]), frozenset(usable[most:]))
