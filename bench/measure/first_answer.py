"""What a fresh process does until its first answer; run by `vicinal bench write` as a module.

Arguments: database folder, query file (.npy), k, and the wall clock in nanoseconds just before the process
began. One JSON object is printed.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np

import vicinal


def main(path: str, query_file: str, k: str, started: str) -> None:
    """Load the engine, open, ask once; then open once more, with everything loaded."""
    entered = time.perf_counter()
    # The front door loads the engine when this name is first used.
    open_database = vicinal.open
    loaded = time.perf_counter()
    with open_database(path) as database:
        opened = time.perf_counter()
        collection = database.collection(database.collections()[0])
        ids = collection.search(np.load(query_file), k=int(k)).ids
        answered = time.perf_counter()
        total = (time.time_ns() - int(started)) / 1e9
    again = time.perf_counter()
    with open_database(path):
        opened_again = time.perf_counter()
    print(
        json.dumps(
            {
                "load_seconds": loaded - entered,
                "open_seconds": opened - loaded,
                "first_search_seconds": answered - opened,
                "start_to_answer_seconds": total,
                "open_again_seconds": opened_again - again,
                "answers": len(ids),
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
