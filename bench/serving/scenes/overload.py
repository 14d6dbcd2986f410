"""Four times what the server can do: what it refuses, how fast, and what that does to the rest."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ....server.service.settings.limits import Limits
from ...harness.machine import resident_bytes
from ...report.tables import size
from ..load.background import Background
from ..load.endpoints import Bytes, Endpoint, Search, cut
from ..load.figure import Figure
from ..load.messages import search_requests
from ..load.open_loop import Calls, Outcome, offer, repeat
from ..load.placement import apart
from ..load.rounds import EndpointProcess, Measured, measure_rounds
from ..load.setting import Setting
from ..load.usage import watching_memory
from ..load.worker import results, workers
from .throughput import BATCH, ROUNDS

TIMES = 4.0
# What is sent later than that is not the load that is said, and comes when the overload should be over.
LATEST_MS = 1000.0
GENERATORS = 3
REFUSED_SECONDS = 0.05
ACCEPTED_TIMES = 2.0
GOODPUT = 0.9
RECOVERED_SECONDS = 5.0
BUDGET_TIMES = 1.1

LEAD_SECONDS = 2.0
TAIL_SECONDS = 8.0
_PROBE_PAUSE = 0.01
# Recovered is who answers as many probes in a row, about as fast as before.
_PROBES = 20
_RECOVERED_TIMES = 1.5


@dataclass(frozen=True)
class Overload:
    """What was seen before, during and after.

    Attributes
    ----------
    capacity : Measured
        As many callers as the server works for at a time, each waiting for its answer.
    offered : Calls
        Of the overload.
    probes : Calls
        One caller from before to after.
    start, end : float
        Of the overload, by the monotonic clock.
    memory_before, memory_peak : int or None
        Resident bytes of the server.
    """

    capacity: Measured
    offered: Calls
    probes: Calls
    start: float
    end: float
    memory_before: int | None
    memory_peak: int | None

    @property
    def seconds_to_recovery(self) -> float | None:
        """Seconds after the overload until the server answers as before; None when it did not."""
        probes = self.probes
        order = np.argsort(probes.sent)
        sent, seconds, fine = (
            values[order] for values in (probes.sent, probes.seconds, probes.outcomes == Outcome.ACCEPTED)
        )
        usual = np.median(seconds[sent < self.start])
        first = int(np.searchsorted(sent, self.end))
        for place in range(first, len(sent) - _PROBES + 1):
            window = slice(place, place + _PROBES)
            if fine[window].all() and np.median(seconds[window]) <= _RECOVERED_TIMES * usual:
                return float(sent[place] - self.end)
        return None


def measure_overload(setting: Setting, *, exact: bool) -> list[Figure]:
    """Measure capacity with every place taken, then offer four times as much without waiting for answers.

    Twice: with bytes, as strangers would that heed nothing, and through clients, which send less while they
    are refused.
    """
    placement, limits = apart(), Limits()
    with (
        setting.serving(placement) as server,
        workers(GENERATORS + 1, placement.clients) as (prober, *generators),
    ):
        options: dict[str, Any] = {"k": setting.k, "exact": exact, "with_payload": False}
        path, requests = search_requests(server.address, cut(setting.dataset.queries, BATCH), **options)
        target = Bytes(server.address, path, requests)
        with setting.timing():
            future = generators[0].submit(
                measure_rounds,
                {"work": EndpointProcess(target, server.pid)},
                limits.max_calls,
                setting.seconds,
                ROUNDS,
                tasks=True,
            )
            (found,) = results([future], "capacity", setting.seconds, setting.step)
            client = Search(server.address, setting.dataset.queries, options, BATCH, retries=0)
            seen = {
                words: _overload(setting, server, offered, target, found["work"], generators, prober)
                for words, offered in (("", target), (", through clients", client))
            }
    work = "exact" if exact else "indexed"
    return [
        one for words, found in seen.items() for one in _figures(found, limits, work + words, placement.words)
    ]


def _overload(
    setting: Setting,
    server: Background,
    target: Endpoint,
    probe: Endpoint,
    capacity: Measured,
    generators: Any,
    prober: Any,
) -> Overload:
    # What a process does first is to load what it calls with, which is not to eat into the time before.
    results(
        [one.submit(repeat, target, 0.0, 0.0) for one in (prober, *generators)], "load", 1.0, setting.step
    )
    before = resident_bytes(server.pid)
    start = time.monotonic() + LEAD_SECONDS
    end = start + setting.overload_seconds
    rate = TIMES * capacity.per_second / len(generators)
    with watching_memory(server.pid) as memory:
        probing = prober.submit(repeat, probe, _PROBE_PAUSE, end + TAIL_SECONDS)
        offering = [
            generator.submit(offer, target, rate, start, setting.overload_seconds, seed)
            for seed, generator in enumerate(generators)
        ]
        seconds = LEAD_SECONDS + setting.overload_seconds + TAIL_SECONDS
        *offered, probes = results([*offering, probing], f"overload, {TIMES:g}x", seconds, setting.step)
    return Overload(capacity, Calls.joined(offered), probes, start, end, before, memory.peak)


def _figures(seen: Overload, limits: Limits, work: str, placement: str) -> list[Figure]:
    capacity, offered = seen.capacity, seen.offered
    accepted = offered.taking(Outcome.ACCEPTED)
    accepted_per_second = len(accepted) / (seen.end - seen.start)
    offered_per_second = len(offered.seconds) / (seen.end - seen.start)
    failed, sent_late = offered.count(Outcome.FAILED), _ms(offered.late, 99)
    record = {
        "work": work,
        "placement": placement,
        "capacity": capacity.record(),
        "overload_seconds": round(seen.end - seen.start, 1),
        "offered_per_second": round(offered_per_second, 1),
        "accepted_per_second": round(accepted_per_second, 1),
        "refused": offered.count(Outcome.REFUSED),
        "refused_without_hint": offered.count(Outcome.REFUSED_SILENTLY),
        "failed": failed,
        "sent_late_p99_ms": sent_late,
    }
    load = Figure(
        name=f"overload, {work}: load",
        asked=f"{TIMES:g} x capacity offered in time, nothing fails",
        measured=f"capacity {capacity.per_second:,.0f} batches of {BATCH} a second, offered "
        f"{offered_per_second:,.0f}, accepted {accepted_per_second:,.0f}, {failed:,} failed; "
        f"sent late by p99 {sent_late} ms",
        holds=offered_per_second >= 0.9 * TIMES * capacity.per_second
        and sent_late <= LATEST_MS
        and not failed,
        record=record,
    )
    effects = (
        *(_memory(seen, limits), _refusals(offered), _accepted(seen)),
        *(_goodput(seen, accepted_per_second), _recovery(seen)),
    )
    return [load, *(replace(one, name=f"overload, {work}: {one.name}") for one in effects)]


def _memory(seen: Overload, limits: Limits) -> Figure:
    before, peak, most = seen.memory_before, seen.memory_peak, BUDGET_TIMES * limits.memory_bytes
    asked = f"grows by at most {size(limits.memory_bytes)} + 10 %"
    if before is None or peak is None:
        return Figure("memory", asked, "not told by this system")
    return Figure(
        name="memory",
        asked=asked,
        measured=f"{size(before)} before, {size(peak)} at most: grew by {size(max(0, peak - before))}",
        holds=peak - before <= most,
        record={"memory_before": before, "memory_peak": peak, "memory_budget": limits.memory_bytes},
    )


def _refusals(offered: Calls) -> Figure:
    refused = offered.taking(Outcome.REFUSED, Outcome.REFUSED_SILENTLY)
    silent = offered.count(Outcome.REFUSED_SILENTLY)
    asked = f"within {REFUSED_SECONDS * 1e3:g} ms, with a retry hint"
    if not len(refused):
        return Figure("refusals", asked, "nothing was refused", False)
    p50, p99, most = (_ms(refused, share) for share in (50, 99, 100))
    within = float((refused <= REFUSED_SECONDS).mean())
    return Figure(
        name="refusals",
        asked=asked,
        measured=f"p50 {p50} ms, p99 {p99} ms, longest {most} ms; {silent} without a hint",
        holds=p99 <= REFUSED_SECONDS * 1e3 and not silent,
        record={"refused_p50_ms": p50, "refused_p99_ms": p99, "refused_longest_ms": most, "in_time": within},
    )


def _accepted(seen: Overload) -> Figure:
    accepted = seen.offered.taking(Outcome.ACCEPTED)
    asked = f"p99 at most {ACCEPTED_TIMES:g} x that at capacity"
    if not len(accepted):
        return Figure("accepted calls", asked, "nothing was accepted", False)
    usual, p99 = _ms(seen.capacity.seconds, 99), _ms(accepted, 99)
    return Figure(
        name="accepted calls",
        asked=asked,
        measured=f"{p99} ms, {p99 / usual:.2f} x the {usual} ms at capacity",
        holds=p99 <= ACCEPTED_TIMES * usual,
        record={"accepted_p99_ms": p99, "capacity_p99_ms": usual, "accepted_p50_ms": _ms(accepted, 50)},
    )


def _goodput(seen: Overload, accepted_per_second: float) -> Figure:
    share = accepted_per_second / seen.capacity.per_second
    return Figure(
        name="goodput",
        asked=f"at least {GOODPUT:g} x capacity",
        measured=f"{accepted_per_second:,.0f}/s, {share:.2f} x capacity",
        holds=share >= GOODPUT,
        record={"goodput_share": round(share, 3)},
    )


def _recovery(seen: Overload) -> Figure:
    seconds = seen.seconds_to_recovery
    return Figure(
        name="recovery",
        asked=f"within {RECOVERED_SECONDS:g} s",
        measured=f"not within {TAIL_SECONDS:g} s" if seconds is None else f"after {seconds:.2f} s",
        holds=seconds is not None and seconds <= RECOVERED_SECONDS,
        record={"recovered_after_seconds": seconds},
    )


def _ms(seconds: Any, percentile: float) -> float:
    return round(float(np.percentile(seconds, percentile)) * 1e3, 2)
