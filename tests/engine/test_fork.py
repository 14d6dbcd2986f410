"""A child made by fork: what can work works, what cannot is refused at once; the parent notices nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

CODE = """
    import json, os, signal, sys, threading
    import numpy as np
    import vicinal

    path = sys.argv[1]
    vectors = np.random.default_rng(0).standard_normal((600, 8)).astype(np.float32)

    def said_by_child(call):
        "Return what a forked child says of a call, also when an alarm had to end it."
        out, into = os.pipe()
        pid = os.fork()
        if not pid:
            signal.alarm(20)
            try:
                said = ["ok", call()]
            except BaseException as error:
                said = [type(error).__name__, str(error)]
            os.write(into, json.dumps(said).encode())
            os._exit(0)
        os.close(into)
        text = os.read(out, 1 << 16)
        os.close(out)
        _, status = os.waitpid(pid, 0)
        return json.loads(text) if text else ["ended", status]

    db = vicinal.open(path)
    points = db.create_collection("points", vicinal.Dense(8), fields={"g": "integer"})
    points.upsert(range(500), vectors[:500], [{"g": i % 7} for i in range(500)])
    points.merge()
    points.upsert(range(500, 600), vectors[500:], [{"g": i % 7} for i in range(100)])
    reader = vicinal.open(path, read_only=True)
    followed = reader.collection("points")
    for collection in (points, followed):
        collection.search(vectors[:50], 3, threads=2)

    def again():
        with vicinal.open(path, read_only=True) as db:
            found = db.collection("points").search(vectors[:20], 3, threads=2)
            return [db.collection("points").count(), len(found)]

    def elsewhere():
        with vicinal.open(path + "-child") as db:
            db.create_collection("points", vicinal.Dense(8)).upsert([1], vectors[:1])
            return db.collection("points").count()

    calls = {
        "count": lambda: points.count(),
        "search": lambda: len(points.search(vectors[1], 3)),
        "filtered": lambda: len(points.search(vectors[1], 3, filter=vicinal.F("g") == 2)),
        "batch": lambda: len(points.search(vectors[:50], 3, threads=2)),
        "get": lambda: points.get([599])[0].id,
        "info": lambda: db.info().points,
        "again": again,
        "elsewhere": elsewhere,
        "upsert": lambda: points.upsert([1], vectors[:1]),
        "delete": lambda: points.delete([1]),
        "flush": lambda: points.flush(),
        "merge": lambda: points.merge(),
        "wait": lambda: points.wait_indexed(),
        "create": lambda: db.create_collection("more", vicinal.Dense(8)).name,
        "drop": lambda: db.drop_collection("points"),
        "follower": lambda: followed.count(),
        "second": lambda: vicinal.open(path).path,
        "close": lambda: (db.close(), reader.close())[0],
        "forget": lambda: globals().update(db=None, points=None, reader=None, followed=None),
    }
    answers = {name: said_by_child(call) for name, call in calls.items()}
    answers["second afterwards"] = said_by_child(calls["second"])
    points.upsert([1000], vectors[:1])
    answers["parent"] = [points.count(), followed.count()]
    reader.close()
    db.close()
    with vicinal.open(path) as db:
        answers["reopened"] = db.collection("points").count()
    answers["pid"] = os.getpid()
    print(json.dumps(answers))
    """


def test_a_forked_child(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(CODE), str(tmp_path / "db")]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=300, check=True)
    answers = json.loads(done.stdout)
    expected = {
        "count": 600,
        "search": 3,
        "filtered": 3,
        "batch": 50,
        "get": 599,
        "info": 600,
        "again": [600, 20],
        "elsewhere": 1,
        "close": None,
        "forget": None,
    }
    for name, answer in expected.items():
        assert answers[name] == ["ok", answer], name
    for name in ("upsert", "delete", "flush", "merge", "wait", "create", "drop"):
        kind, said = answers[name]
        assert kind == "Closed", (name, said)
        assert "before this process was forked" in said
    assert answers["follower"][0] == "Closed"
    assert "open it again here" in answers["follower"][1]
    for name in ("second", "second afterwards"):
        kind, said = answers[name]
        assert kind == "LockedByAnotherProcess"
        assert f"process {answers['pid']}" in said
    assert answers["parent"] == [601, 601]
    assert answers["reopened"] == 601
