"""What many idle and many slow connections do to a caller beside them."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...extras import load_extra
from .. import load
from ..load.background import Background
from ..load.endpoints import Endpoint, Search
from ..load.figure import Figure
from ..load.placement import apart
from ..load.setting import Setting
from ..load.worker import results, workers
from .singles import interleave

# How many of each kind. The server keeps half of its files for others: `ulimit -n` is 2,048 at least.
CONNECTIONS = {"idle": 1_000, "slow": 200}
TIMES = 1.5
TURNS = 3


def measure_connections(setting: Setting) -> list[Figure]:
    """Single queries alone, beside idle connections, and beside slow ones, in turns."""
    for needed in ("hpack", "hyperframe"):
        load_extra(needed)
    placement, queries = apart(), setting.dataset.queries
    spent: dict[str, list[NDArray[np.float64]]] = {"none": [], **{kind: [] for kind in CONNECTIONS}}
    told: dict[str, dict[str, int]] = {}
    with setting.serving(placement) as server, workers(1, placement.clients) as (client,):
        endpoints: dict[str, Endpoint] = {
            "search": Search(server.address, queries, {"k": setting.k, "with_payload": False})
        }
        seconds = setting.seconds / TURNS
        with setting.timing():
            for _ in range(TURNS):
                for kind, durations in spent.items():
                    beside: Any = (
                        nullcontext()
                        if kind == "none"
                        else _hanging(setting, server, kind, placement.clients)
                    )
                    with beside:
                        future = client.submit(interleave, endpoints, seconds)
                        stage = (
                            "alone" if kind == "none" else f"beside {CONNECTIONS[kind]:,} {kind} connections"
                        )
                        (found,) = results([future], stage, seconds, setting.step)
                        durations.append(found["search"])
                    if kind != "none":
                        told[kind] = json.loads(beside.printed.splitlines()[-1])
    pooled = {kind: np.concatenate(durations) for kind, durations in spent.items()}
    return [_figure(kind, pooled["none"], pooled[kind], told[kind]) for kind in CONNECTIONS]


def _hanging(setting: Setting, server: Background, kind: str, cores: frozenset[int] | None) -> Background:
    command = [sys.executable, "-m", f"{load.__name__}.hanging", server.address, kind, str(CONNECTIONS[kind])]
    return Background(command, setting.scratch / f"{kind}.log", cores=cores)


def _figure(
    kind: str, alone: NDArray[np.float64], beside: NDArray[np.float64], told: dict[str, int]
) -> Figure:
    (p50, p99), (p50_alone, p99_alone) = (np.percentile(one, [50, 99]) * 1e6 for one in (beside, alone))
    ended = f", {told['ended_by_server']:,} slow calls ended by the server" if kind == "slow" else ""
    return Figure(
        name=f"beside {CONNECTIONS[kind]:,} {kind} connections",
        asked=f"p99 at most {TIMES} x that without",
        measured=f"p99 {p99:,.0f} us, {p99 / p99_alone:.2f} x the {p99_alone:,.0f} us without "
        f"({told['lost']:,} lost{ended})",
        holds=bool(p99 <= TIMES * p99_alone),
        record={
            "p50_us": round(float(p50), 1),
            "p99_us": round(float(p99), 1),
            "p50_alone_us": round(float(p50_alone), 1),
            "p99_alone_us": round(float(p99_alone), 1),
            "calls": len(beside),
            "last_turn": told,
        },
    )
