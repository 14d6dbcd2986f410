"""What must be in a database after a crash, and whether it is."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from crash.writer_process import DIM, GRANTEE, IDS, OWNERS, TENANTS, vector, words

import vicinal

# By owner and id: the version of the vector and of the payload's "version", and the payload's "note".
# By grantee and id, that a point was granted.
Rows = dict[tuple[str | None, int], tuple[int, int | None]]
# By name; a collection that is not there has no entry.
State = dict[str, Rows]
GRANTED = (0, None)


class Model:
    """What must be there: what was acknowledged, and what the last write may have made of it."""

    def __init__(self) -> None:
        self.state: State = {}
        self.unacknowledged: dict[str, Any] | None = None

    def replay(self, lines: list[str]) -> None:
        pending: dict[str, Any] | None = None
        for line in lines:
            record = json.loads(line)
            if record["op"] == "ready":
                # Created before the process could be killed.
                self.state = {"points": {}, "owned": {}} | self.state
            elif record["op"] == "begin":
                pending = record
            elif record["op"] == "done" and pending is not None:
                self.state = after(self.state, pending)
                pending = None
        self.unacknowledged = pending

    def check(self, db: vicinal.Database) -> None:
        found = {name: rows_found(db.collection(name), name) for name in db.collections()}
        allowed = [self.state]
        if self.unacknowledged is not None:
            # The write that was under way is there as a whole or not at all.
            allowed.append(after(self.state, self.unacknowledged))
        assert found in allowed
        self.state = found


def after(state: State, record: dict[str, Any]) -> State:
    """Return what an operation makes of a state."""
    kind = record["kind"]
    if kind == "none":
        return state
    name = record["collection"]
    if kind == "create":
        return state | {name: {}}
    if kind == "drop":
        return {other: rows for other, rows in state.items() if other != name}
    rows = dict(state[name])
    if kind == "drop tenant":
        kept = {key: row for key, row in rows.items() if record["tenant"] not in (key[0], granted_by(key))}
        return state | {name: kept}
    for point_id in record["ids"]:
        key = record["tenant"], point_id
        if kind == "upsert":
            rows[key] = record["version"], None
        elif kind == "grant":
            if key in rows:
                rows[GRANTEE, point_id] = GRANTED
        elif kind == "revoke":
            rows.pop((GRANTEE, point_id), None)
        elif kind == "delete":
            rows.pop(key, None)
            if granted_by((GRANTEE, point_id)) == record["tenant"]:
                rows.pop((GRANTEE, point_id), None)
        elif key in rows:
            rows[key] = rows[key][0], record["version"]
    return state | {name: rows}


def granted_by(key: tuple[str | None, int]) -> str | None:
    """Return whose point a grantee reads, None of a point that is not granted."""
    return TENANTS[key[1] % 2] if key[0] == GRANTEE else None


def check_granted(points: vicinal.Collection, rows: Rows) -> Rows:
    """Return what was granted, and assert that the grantee reads that: by id, by count and by search."""
    if GRANTEE not in points.tenants.list():
        assert points.count(tenant=GRANTEE) == 0
        return {}
    grants = points.tenants.grants(GRANTEE, limit=IDS)
    granted = {(GRANTEE, grant.id): GRANTED for grant in grants if isinstance(grant.id, int)}
    assert [grant.owner for grant in grants] == [granted_by(key) for key in granted]
    expected = {key[1]: rows[granted_by(key), key[1]] for key in granted}
    found = {
        point_id: (point.payload["version"], point.payload.get("note"))
        for point_id, point in enumerate(points.get(range(IDS), tenant=GRANTEE))
        if point is not None
    }
    assert found == expected
    assert points.count(tenant=GRANTEE) == len(expected)
    hits = points.search(np.ones(DIM, np.float32), k=IDS, field="vector", exact=True, tenant=GRANTEE)
    assert {hit.id for hit in hits} == expected.keys()
    return granted


def rows_found(points: vicinal.Collection, name: str) -> Rows:
    """Return what a collection has, the same by id, by count and by search, in the order of brute force."""
    rows: Rows = {}
    query = np.ones(DIM, np.float32)
    for tenant in OWNERS[name]:
        payloads, stored = {}, []
        for point_id, point in enumerate(points.get(range(IDS), with_vectors=True, tenant=tenant)):
            if point is not None:
                rows[tenant, point_id] = point.payload["version"], point.payload.get("note")
                payloads[point_id] = point.payload
                stored.append(point.vectors["vector"])
                assert point.vectors["words"] == words(point_id, point.payload["version"])
        assert points.count(tenant=tenant) == len(payloads)
        hits = points.search(query, k=IDS, field="vector", exact=True, tenant=tenant)
        assert len(hits) == len(payloads)
        if not payloads:
            continue
        assert {hit.id: hit.payload for hit in hits} == payloads
        some = next(iter(payloads))
        (found,) = points.search({f"point {some}": 1.0}, k=1, field="words", tenant=tenant)
        assert (found.id, found.score) == (some, 2.0)
        if "note" in points.schema.fields:
            noted = sum("note" in payload for payload in payloads.values())
            assert points.count(filter=vicinal.F("note") >= 0, tenant=tenant) == noted
        vectors = np.stack([vector(point_id, payload["version"]) for point_id, payload in payloads.items()])
        np.testing.assert_array_equal(np.stack(stored), vectors)
        scores = vectors @ query / np.linalg.norm(vectors, axis=1) / np.linalg.norm(query)
        np.testing.assert_allclose(hits.scores, np.sort(scores)[::-1], rtol=1e-4, atol=1e-5)
    return rows | check_granted(points, rows) if None not in OWNERS[name] else rows
