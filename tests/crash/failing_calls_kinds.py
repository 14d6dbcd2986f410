"""A script with every kind of vector while system calls fail: read from disk, of tokens, made of texts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from crash.failing_calls_script import DIM, POLICY, Session, vectors

import vicinal
from vicinal import F

WORDS = ("red", "blue", "green", "shoe")
QUERIES: dict[str, Any] = {
    "far": vectors([2])[0],
    "tokens": vectors([2]).reshape(-1, 2),
    "words": dict.fromkeys(WORDS, 1.0),
    "text": "text red",
}


class SessionOfKinds(Session):
    """Uses fields of every kind, and knows which points must be found in each."""

    def script(self) -> Iterator[None]:
        """Use everything once; a step at a time."""
        self.db = db = self.open(merge_policy=POLICY)
        yield
        fields = {
            "far": vicinal.Dense(DIM, on_disk=True),
            "tokens": vicinal.Multi(2, on_disk=True),
            "words": vicinal.Sparse(tokens=True),
            "text": vicinal.Sparse(encoder=vicinal.Bm25("t")),
        }
        self.write(lambda: db.create_collection("kinds", fields, fields={"n": "integer"}), {"kinds": {}})
        yield
        kinds = self.do(lambda: db.collection("kinds"))
        self.upsert(kinds, range(4), 1)
        yield
        self.do(kinds.flush)
        yield
        self.read(kinds)
        yield
        self.upsert(kinds, [2, 5], 2)
        yield
        self.do(kinds.flush)
        yield
        self.read(kinds)
        self.write(lambda: kinds.delete([1]), {"kinds": {0: 1, 2: 2, 3: 1, 5: 2}})
        yield
        self.do(kinds.merge)
        yield
        self.read(kinds)
        self.do(lambda: kinds.add_field("t", "keyword"))
        yield
        self.do(kinds.wait_indexed)
        yield
        assert self.do(lambda: kinds.count(filter=F("t") == "text red 0")) == 1
        follower = self.open(read_only=True)
        yield
        self.do(lambda: self.read(follower.collection("kinds")))
        yield
        self.do(lambda: kinds.drop_vector_field("words"))
        yield
        self.do(follower.close)
        self.do(db.close)
        yield
        self.db = self.open(merge_policy=POLICY)
        yield

    def payload(self, i: int, n: int) -> dict[str, Any]:
        return {"n": n, "t": f"text {WORDS[i % 4]} {i}"}

    def vectors(self, ids: Any) -> dict[str, Any]:
        return {
            "far": vectors(ids),
            "tokens": [vectors([i, i + 1]).reshape(-1, 2) for i in ids],
            "words": [{WORDS[i % 4]: 1.0, f"word{i}": 0.5} for i in ids],
        }

    def read(self, points: vicinal.Collection) -> None:
        ids = sorted(self.state[points.name])
        for field in points.schema.vectors:
            query = QUERIES[field]
            for options in ({}, {"exact": True}, {"filter": F("n") >= 0}):
                hits = self.do(partial(points.search, query, k=20, field=field, **options))
                assert sorted(hits.ids.tolist()) == ids, (field, options)
            assert not np.isnan(self.do(partial(points.score, query, ids, field=field))).any()
        for point in self.do(lambda: points.get(ids, with_vectors=True)):
            np.testing.assert_array_equal(point.vectors["far"], vectors([point.id])[0])
        assert sum(one.count for one in self.do(lambda: points.facet("n"))) == len(ids)
        assert len(self.do(lambda: points.scroll(order_by="n", with_vectors=True)).points) == len(ids)
        assert self.do(points.info).points == len(ids)
