"""One caller, one query at a time: what the server adds to a bare gRPC call."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..load.endpoints import Endpoint, Search, echo
from ..load.figure import Figure
from ..load.messages import MessageSizes, message_sizes
from ..load.placement import FREE
from ..load.rounds import WARM_UP_CALLS
from ..load.setting import Setting
from ..load.worker import results, workers

P50_OVER_ECHO_US = 200.0
P99_OVER_ECHO_US = 1_000.0
# What a caller may ask for: hits with their payloads, which is the default, or ids and scores.
KINDS = {"with payloads": True, "ids and scores": False}


def interleave(endpoints: dict[str, Endpoint], seconds: float) -> dict[str, NDArray[np.float64]]:
    """Call the endpoints in turns, one call each, for some time; seconds of every call. Runs in a worker."""
    spent: dict[str, list[float]] = {name: [] for name in endpoints}
    with ExitStack() as stack:
        calls = {name: stack.enter_context(one.calling()) for name, one in endpoints.items()}
        for call in calls.values():
            for number in range(WARM_UP_CALLS):
                call(number)
        number, ends = 0, time.perf_counter() + seconds
        while time.perf_counter() < ends:
            for name, call in calls.items():
                before = time.perf_counter()
                call(number)
                spent[name].append(time.perf_counter() - before)
            number += 1
    return {name: np.asarray(durations) for name, durations in spent.items()}


def measure_singles(setting: Setting) -> list[Figure]:
    """Single queries beside an echo of the same sizes, call by call in turns."""
    queries, figures = setting.dataset.queries, []
    with setting.serving(FREE) as server, setting.echoing(FREE) as bare, workers(1, None) as (client,):
        for kind, with_payload in KINDS.items():
            options: dict[str, Any] = {"k": setting.k, "with_payload": with_payload}
            sizes = message_sizes(server.address, list(queries), **options)
            endpoints: dict[str, Endpoint] = {
                "echo": echo(bare.address, sizes.request, sizes.response),
                "search": Search(server.address, queries, options),
            }
            seconds = 2 * setting.seconds
            with setting.timing():
                future = client.submit(interleave, endpoints, seconds)
                (spent,) = results([future], f"single queries, {kind}", seconds, setting.step)
            figures += _figures(kind, sizes, spent)
    return figures


def _figures(kind: str, sizes: MessageSizes, spent: dict[str, NDArray[np.float64]]) -> list[Figure]:
    echoed, searched = (np.percentile(spent[name], [50, 99]) * 1e6 for name in ("echo", "search"))
    shared = {"request_bytes": sizes.request, "response_bytes": sizes.response, "calls": len(spent["search"])}
    figures = []
    for place, (name, most) in enumerate((("p50", P50_OVER_ECHO_US), ("p99", P99_OVER_ECHO_US))):
        over = float(searched[place] - echoed[place])
        figures.append(
            Figure(
                name=f"single query, {kind}: {name}",
                asked=f"at most echo + {most:,.0f} us",
                measured=f"echo {echoed[place]:,.0f} + {over:,.0f} us",
                holds=over <= most,
                record={
                    **shared,
                    f"echo_{name}_us": round(float(echoed[place]), 1),
                    f"search_{name}_us": round(float(searched[place]), 1),
                    "over_echo_us": round(over, 1),
                },
            )
        )
    return figures
