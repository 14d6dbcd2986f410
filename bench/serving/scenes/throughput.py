"""Many callers, the server on one core and its clients on another."""

from __future__ import annotations

from typing import Any

from ..load.endpoints import Embedded, Search, cut, echo
from ..load.figure import Figure
from ..load.messages import MessageSizes, message_sizes
from ..load.placement import Placement, apart
from ..load.rounds import EndpointProcess, Measured, measure_rounds
from ..load.setting import Setting
from ..load.worker import results, workers
from .singles import KINDS

ECHO_SHARE = 0.5
EMBEDDED_SHARE = 0.75
BATCH = 32
# One call of the engine can take all queries at once, which a server's callers do not: shown, and not beaten.
LARGE_BATCH = 512
ROUNDS = 5


def measure_single_throughput(setting: Setting) -> list[Figure]:
    """Single queries a second, from threads and from tasks of an event loop, beside the echo."""
    placement, queries, figures = apart(), setting.dataset.queries, []
    with (
        setting.serving(placement) as server,
        setting.echoing(placement) as bare,
        workers(1, placement.clients) as (client,),
    ):
        for kind, with_payload in KINDS.items():
            options: dict[str, Any] = {"k": setting.k, "with_payload": with_payload}
            sizes = message_sizes(server.address, list(queries), **options)
            places = {
                "echo": EndpointProcess(echo(bare.address, sizes.request, sizes.response), bare.pid),
                "search": EndpointProcess(Search(server.address, queries, options), server.pid),
            }
            for name, tasks in (("threads", False), ("tasks", True)):
                with setting.timing():
                    stage = f"{setting.callers} {name}, single queries, {kind}"
                    future = client.submit(
                        measure_rounds, places, setting.callers, 2 * setting.seconds, ROUNDS, tasks=tasks
                    )
                    (found,) = results([future], stage, 4 * setting.seconds, setting.step)
                figures.append(_beside_echo(stage, sizes, found, placement))
    return figures


def _beside_echo(name: str, sizes: MessageSizes, found: dict[str, Measured], placement: Placement) -> Figure:
    ours, bare = found["search"], found["echo"]
    share = ours.per_second / bare.per_second
    return Figure(
        name=name,
        asked=f"at least {ECHO_SHARE} x the echo's calls/s",
        measured=f"{ours.per_second:,.0f}/s, {share:.2f} x the echo's {bare.per_second:,.0f}/s",
        holds=share >= ECHO_SHARE,
        record={
            "share": round(share, 3),
            "request_bytes": sizes.request,
            "response_bytes": sizes.response,
            "placement": placement.words,
            "search": ours.record(),
            "echo": bare.record(),
        },
    )


def measure_batch_throughput(setting: Setting) -> list[Figure]:
    """Batches through the server beside the same and larger ones, searched embedded on the same core."""
    placement, queries = apart(), setting.dataset.queries
    # The engine's own search reads no payloads before they are looked at, and neither answer holds any here.
    options: dict[str, Any] = {"k": setting.k, "with_payload": False}
    with workers(1, placement.server) as (engine,):
        embedded = {
            str(batch): EndpointProcess(Embedded(str(setting.folder), queries, {"k": setting.k}, batch))
            for batch in (BATCH, min(LARGE_BATCH, len(queries)))
        }
        with setting.serving(placement) as server, workers(1, placement.clients) as (client,):
            sizes = message_sizes(server.address, cut(queries, BATCH), **options)
            served = {"served": EndpointProcess(Search(server.address, queries, options, BATCH), server.pid)}
            found: list[dict[str, Measured]] = []
            with setting.timing():
                for work, place, callers in (
                    (engine, embedded, 1),
                    (client, served, setting.callers),
                    (engine, embedded, 1),
                ):
                    future = work.submit(measure_rounds, place, callers, setting.seconds, ROUNDS)
                    stage = f"batches of {BATCH}, {'embedded' if work is engine else 'served'}"
                    found += results([future], stage, setting.seconds * len(place), setting.step)
    return [_beside_embedded(setting, sizes, found, placement)]


def _beside_embedded(
    setting: Setting, sizes: MessageSizes, found: list[dict[str, Measured]], placement: Placement
) -> Figure:
    before, served, after = found[0], found[1]["served"], found[2]
    rates = {
        int(batch): int(batch) * (before[batch].per_second + after[batch].per_second) / 2 for batch in before
    }
    ours, best = BATCH * served.per_second, max(rates.values())
    words = ", ".join(f"{rate:,.0f} in batches of {batch}" for batch, rate in rates.items())
    return Figure(
        name=f"{setting.callers} threads, batches of {BATCH}",
        asked=f"at least {EMBEDDED_SHARE} x embedded on one core",
        measured=f"{ours:,.0f} queries/s, {ours / best:.2f} x embedded ({words})",
        holds=ours >= EMBEDDED_SHARE * best,
        record={
            "share": round(ours / best, 3),
            "queries_per_second": round(ours, 1),
            "embedded_queries_per_second": {str(batch): round(rate, 1) for batch, rate in rates.items()},
            "request_bytes": sizes.request,
            "response_bytes": sizes.response,
            "placement": placement.words,
            "served": served.record(),
        },
    )
