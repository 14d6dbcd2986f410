"""A process that closes a database under the threads that use it, again and again. Run by the crash tests.

Usage: closing_process.py FOLDER CLOSES THREADS

Prints, as JSON, how often each call ended in which way: ``right``, or the name of its error.
"""

from __future__ import annotations

import json
import random
import sys
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

import vicinal
from vicinal import F

SEGMENTS = 8
# So few rows that no array of a segment is a view of its file: nothing else keeps the file mapped.
ROWS = 20
POINTS = SEGMENTS * ROWS
QUIET = vicinal.MergePolicySettings(quiet_seconds=1e9, tier_factor=1000)
VECTORS = np.arange(2 * POINTS, dtype=np.float32).reshape(POINTS, 2)
PAYLOADS = [{"word": f"w{i % 5}", "even": i % 2 == 0, "note": "n" * i} for i in range(POINTS)]
# Two words of five, the even points, and every point.
CHOSEN = (F("word") == "w2") | F("word").is_in(["w1", "w3"]) | (F("even") == True)  # noqa: E712
N_CHOSEN = sum(payload["word"] in ("w1", "w2", "w3") or payload["even"] for payload in PAYLOADS)


def make(folder: str) -> None:
    with vicinal.open(folder, merge_policy=QUIET) as db:
        points = db.create_collection("points", vicinal.Dense(2), fields={"word": "keyword", "even": "bool"})
        for start in range(0, POINTS, ROWS):
            rows = slice(start, start + ROWS)
            points.upsert(range(start, start + ROWS), VECTORS[rows], PAYLOADS[rows])
            points.flush()


def count_chosen(points: Any) -> bool:
    return bool(points.count(filter=CHOSEN) == N_CHOSEN)


def count_all(points: Any) -> bool:
    return bool(points.count() == POINTS)


def search(points: Any) -> bool:
    hits = points.search(VECTORS[7], k=3, filter=CHOSEN, exact=True)
    return len(hits) == 3 and all("word" in hit.payload for hit in hits)


def get(points: Any) -> bool:
    return [point.payload for point in points.get([5, 77])] == [PAYLOADS[5], PAYLOADS[77]]


def scroll(points: Any) -> bool:
    return len(points.scroll(filter=CHOSEN, limit=POINTS).points) == N_CHOSEN


def info(points: Any) -> bool:
    return bool(points.info().points == POINTS)


def upsert(points: Any) -> bool:
    points.upsert([3, 90], VECTORS[[3, 90]], [PAYLOADS[3], PAYLOADS[90]])
    return True


def merge(points: Any) -> bool:
    points.merge()
    return True


def wait_indexed(points: Any) -> bool:
    points.wait_indexed()
    return True


READS: list[Callable[[Any], bool]] = [count_chosen, count_chosen, count_all, search, get, scroll, info]
WRITES: list[Callable[[Any], bool]] = [upsert, merge, wait_indexed]


def close_once(folder: str, n_threads: int, rng: random.Random, seen: list[str]) -> None:
    read_only = rng.random() < 0.5
    db = vicinal.open(folder, read_only=read_only, merge_policy=None if read_only else QUIET)
    points = db.collection("points")
    calls = READS if read_only or rng.random() < 0.5 else READS + WRITES
    left = rng.randrange(5 * n_threads)
    reached = threading.Event()

    def work(own: random.Random) -> None:
        nonlocal left
        while True:
            call = own.choice(calls)
            left -= 1
            if left <= 0:
                reached.set()
            try:
                outcome = "right" if call(points) else "wrong"
            except BaseException as error:
                outcome = f"{type(error).__module__}.{type(error).__name__}"
            # Adding to a count would take two steps, between which another thread may add.
            seen.append(f"{call.__name__} {outcome}")
            if outcome != "right":
                reached.set()
                return

    threads = [threading.Thread(target=work, args=(random.Random(rng.random()),)) for _ in range(n_threads)]
    for thread in threads:
        thread.start()
    reached.wait()
    db.close()
    for thread in threads:
        thread.join()


def main() -> None:
    folder, closes, n_threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    make(folder)
    rng = random.Random(0)
    seen: list[str] = []
    # Threads change places as often as they can, so that a close falls everywhere.
    sys.setswitchinterval(1e-5)
    for _ in range(closes):
        close_once(folder, n_threads, rng, seen)
    print(json.dumps(Counter(seen)))


if __name__ == "__main__":
    main()
