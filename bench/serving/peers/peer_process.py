"""A client of one server, run by the interpreter that has it: takes orders as lines of JSON and answers them.

Run as a file: the closed loop is all it needs besides NumPy and the client. Arguments: the file of the
adapter, a file of vectors and one of queries (.npy).
"""

from __future__ import annotations

import json
import os
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

_WARM_UP_CALLS = 50


def _load(path: Path) -> ModuleType:
    # Not under the name of the library that an adapter file is called after.
    name = f"vicinal_bench_{path.stem}"
    spec = spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Client:
    """Carries out orders."""

    def __init__(self, adapter: str, vectors: str, queries: str) -> None:
        self._adapter: Any = _load(Path(adapter)).Adapter()
        self._loop: Any = _load(Path(__file__).parents[1] / "load" / "closed_loop.py")
        self._vectors, self._queries = np.load(vectors, mmap_mode="r"), np.load(queries)

    def carry_out(self, order: dict[str, Any]) -> Any:
        """Call the method that the order names."""
        arguments = {name: value for name, value in order.items() if name != "do"}
        return getattr(self, order["do"])(**arguments)

    def describe(self, folder: str, port: int) -> dict[str, Any]:
        restarts = self._adapter.restarts_for_effort
        return {"command": self._adapter.command(folder, port), "restarts_for_effort": restarts}

    def connect(self, address: str) -> None:
        self._adapter.connect(address)

    def load(self, metric: str, m: int, ef_construction: int) -> None:
        self._adapter.load(np.asarray(self._vectors), metric, m, ef_construction)

    def effort(self, ef: int) -> None:
        self._adapter.set_effort(ef)

    def answers(self, k: int, out: str) -> None:
        """Ask every query once and write the ids."""
        found = np.full((len(self._queries), k), -1, dtype=np.int64)
        for row, query in enumerate(self._queries):
            ids = self._adapter.search(query, k)
            found[row, : len(ids)] = ids
        np.save(out, found)

    def rate(self, k: int, callers: int, seconds: float) -> dict[str, float]:
        """Queries a second of some threads, and how long one takes."""
        queries, search = self._queries, self._adapter.search

        def call(place: int) -> object:
            return search(queries[place % len(queries)], k)

        for place in range(_WARM_UP_CALLS):
            call(place)
        loop = self._loop.loop_threads(call, callers, seconds)
        p50, p99 = np.percentile(loop.seconds, [50, 99])
        return {"per_second": loop.per_second, "p50_us": float(p50) * 1e6, "p99_us": float(p99) * 1e6}


def main(adapter: str, vectors: str, queries: str) -> None:
    """Answer orders until there are no more."""
    # What libraries print must not get between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    client: Client | None = None
    for line in sys.stdin:
        try:
            if client is None:
                client = Client(adapter, vectors, queries)
            answer = {"answer": client.carry_out(json.loads(line))}
        except ImportError as error:
            answer = {"missing": str(error)}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    # The folder of a file that is run comes first, and this one has files called like libraries' modules.
    sys.path = [
        entry for entry in sys.path if Path(entry or ".").resolve() != Path(__file__).resolve().parent
    ]
    main(*sys.argv[1:])
