"""A caller of one tenant: it does random things and holds every answer to what it wrote itself."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import grpc
import numpy as np
from google.protobuf.message import Message
from naive_facets import check_facets, known_as
from naive_facets import ends as naive_ends
from naive_filter import holds, values_at
from serving import columns
from serving import mixed_collection as mixed
from serving.calls import Outcome
from serving.columns import Id
from serving.running_server import Served
from snapshot_agreement import disagreements

import vicinal
from vicinal import Facet
from vicinal.engine.filters.notations.qdrant_json import filter_from_json
from vicinal.proto.v1 import collections_pb2, database_pb2, points_pb2, search_pb2, tenants_pb2, vectors_pb2
from vicinal.server.wire.payload_values import read_value

# Every tenant has points of these ids.
IDS: list[Id] = [*range(120), *(f"t{i}" for i in range(40)), 2**64 - 1]


class TenantCaller:
    """A caller with a key of one tenant, who knows what it wrote and checks all it gets against that."""

    def __init__(self, server: Served, owner: str, other: str, seed: int) -> None:
        self._server = server
        self._key = server.key("write", tenants=(owner,), name=owner)
        self._admin = server.key("admin", name=f"lends-to-{owner}")
        self._rng = random.Random(seed)
        self._version = 0
        self.owner = owner
        self.other = other
        # By id: the version of the vectors, and the payload.
        self.points: dict[Id, tuple[int, dict[str, Any]]] = {}
        # The same of a tenant who is nobody's caller and grants this one some of its points.
        self.lender = f"lender-to-{owner}"
        self.lent: dict[Id, tuple[int, dict[str, Any]]] = {}
        self.granted: set[Id] = set()
        self.queries = 0

    @property
    def seen(self) -> dict[Id, tuple[int, dict[str, Any]]]:
        """All that the caller may read: what it was granted, and over that what is its own."""
        return {i: self.lent[i] for i in self.granted} | self.points

    def owner_of(self, point_id: Id) -> str:
        return self.owner if point_id in self.points else self.lender

    def call(self, name: str, request: Message) -> Outcome:
        outcome = self._server.call(name, request, self._key)
        for response in outcome.responses:
            assert mixed.mark(self.other).encode() not in response.SerializeToString(), (name, response)
        assert self.other not in outcome.message
        return outcome

    def ask(self, name: str, request: Message) -> Any:
        outcome = self.call(name, request)
        assert outcome.ok, (name, request, outcome)
        return outcome.responses[-1]

    def scope(self) -> points_pb2.Scope:
        tenant = self.owner if self._rng.random() < 0.5 else None
        return points_pb2.Scope(collection=mixed.NAME, tenant=tenant)

    def step(self) -> None:
        """Do one random thing."""
        actions: list[tuple[int, Callable[[], None]]] = [
            (6, self.upsert),
            (2, self.delete),
            (2, self.update),
            (25, self.search),
            (25, self.search_batch),
            (10, self.explain),
            (8, self.score),
            (10, self.count),
            (6, self.facet),
            (6, self.search_groups),
            (8, self.get),
            (8, self.scroll),
            (4, self.borrow),
            (2, self.look_around),
            (2, self.trespass),
        ]
        self._rng.choices([action for _, action in actions], [weight for weight, _ in actions])[0]()

    def borrow(self) -> None:
        """Have the lender write, delete, grant and revoke: whoever may do that does, and not the caller."""
        self._version += 1
        ids = self._rng.sample(IDS, self._rng.randint(1, 12))
        tenant = points_pb2.Scope(collection=mixed.NAME, tenant=self.lender)
        chosen: dict[str, Any] = {
            "collection": mixed.NAME,
            "tenant": self.lender,
            "ids": columns.point_ids(ids),
            "to": [self.owner],
        }
        action = self._rng.random()
        if action < 0.5 or not self.lent or not self.points:
            request: Message = mixed.upsert(self._rng, self.lender, ids, self._version, self.lender)
            assert self._lend("UpsertPoints", request).ok
            rows = columns.payloads_of(request.points.payloads)  # type: ignore[attr-defined]
            self.lent |= {i: (self._version, row) for i, row in zip(ids, rows, strict=True)}
        elif action < 0.8:
            new = {i for i in ids if i in self.lent} - self.granted
            outcome = self._lend("GrantPoints", tenants_pb2.GrantPointsRequest(**chosen))
            assert outcome.responses == (tenants_pb2.GrantPointsResponse(granted=len(new)),), outcome
            self.granted |= new
        elif action < 0.9:
            outcome = self._lend("RevokePoints", tenants_pb2.RevokePointsRequest(**chosen))
            gone = self.granted & set(ids)
            assert outcome.responses == (tenants_pb2.RevokePointsResponse(revoked=len(gone)),), outcome
            self.granted -= gone
        else:
            selection = points_pb2.Selection(ids=columns.point_ids(ids))
            delete = points_pb2.DeletePointsRequest(scope=tenant, selection=selection)
            assert self._lend("DeletePoints", delete).ok
            self.granted -= set(ids)
            self.lent = {i: point for i, point in self.lent.items() if i not in ids}

    def _lend(self, name: str, request: Message) -> Outcome:
        return self._server.call(name, request, self._admin)

    def filter(self) -> tuple[dict[str, Any] | None, set[Id]]:
        """Return a random filter and the ids of the points it holds for."""
        if self._rng.random() < 0.25:
            return None, set(self.seen)
        words = [mixed.mark(self.other), mixed.mark(self.owner)]
        record = mixed.filter_record(self._rng, IDS, words)
        expression = filter_from_json(record)
        return record, {
            i
            for i, (_, payload) in self.seen.items()
            if holds(expression, payload, i, mixed.FIELDS, mixed.VECTORS)
        }

    def upsert(self) -> None:
        self._version += 1
        ids = self._rng.sample(IDS, self._rng.randint(1, 20))
        tenant = self.owner if self._rng.random() < 0.5 else None
        request = mixed.upsert(self._rng, self.owner, ids, self._version, tenant)
        self.ask("UpsertPoints", request)
        payloads = columns.payloads_of(request.points.payloads)
        self.points |= {i: (self._version, row) for i, row in zip(ids, payloads, strict=True)}

    def chosen(self) -> tuple[points_pb2.Selection, set[Id]]:
        if self._rng.random() < 0.5:
            ids = self._rng.sample(IDS, self._rng.randint(1, 8))
            return points_pb2.Selection(ids=columns.point_ids(ids)), set(ids) & set(self.points)
        record, matching = self.filter()
        while len(matching) > 40:
            record, matching = self.filter()
        matching &= set(self.points)
        # A change of every point has to be asked for in words.
        chosen = record or {"must_not": [{"has_id": []}]}
        return points_pb2.Selection(filter=columns.filter_of(chosen)), matching

    def delete(self) -> None:
        selection, gone = self.chosen()
        answer = self.ask(
            "DeletePoints", points_pb2.DeletePointsRequest(scope=self.scope(), selection=selection)
        )
        assert answer.deleted == len(gone)
        for point_id in gone:
            del self.points[point_id]

    def update(self) -> None:
        selection, changed = self.chosen()
        request = points_pb2.UpdatePayloadsRequest(
            scope=self.scope(), selection=selection, payload_json=b'{"year":2,"note":"new"}'
        )
        assert self.ask("UpdatePayloads", request).updated == len(changed)
        for point_id in changed:
            version, payload = self.points[point_id]
            self.points[point_id] = version, payload | {"year": 2, "note": "new"}

    def search(self) -> None:
        field = self._rng.choice(list(mixed.VECTORS))
        record, matching = self.filter()
        options = mixed.options(self._rng, field, record)
        query = mixed.queries(self._rng, field, 1)
        request = search_pb2.SearchRequest(scope=self.scope(), query=query, options=options)
        self.check_hits(self.ask("Search", request).hits, None, options, matching)

    def search_batch(self) -> None:
        self.check_batch("SearchBatch", search_pb2.SearchBatchRequest, self._rng.choice([2, 5, 16]))

    def explain(self) -> None:
        answer, matching, scans = self.check_batch(
            "Explain", search_pb2.ExplainRequest, self._rng.choice([1, 3])
        )
        for plan in answer.segments:
            assert plan.segment == ""
            assert plan.rows <= len(self.seen)
            assert max(plan.distances, plan.rescored) <= scans * len(self.seen)
        assert sum(plan.allowed for plan in answer.segments) == len(matching)
        assert answer.payloads_read == 0

    def score(self) -> None:
        field = self._rng.choice(list(mixed.VECTORS))
        ids = self._rng.sample(IDS, 12)
        request = search_pb2.ScoreRequest(
            scope=self.scope(),
            queries=mixed.queries(self._rng, field, 2),
            field=field,
            ids=columns.point_ids(ids),
            counts=self._rng.choice([[], [6, 6]]),
        )
        scored = ~np.isnan(self.ask("Score", request).scores)
        known = [i in self.seen for i in ids]
        assert scored.tolist() == (known if request.counts else known * 2)
        self.queries += 2

    def check_batch(self, name: str, kind: Callable[..., Message], n: int) -> tuple[Any, set[Id], int]:
        field = self._rng.choice(list(mixed.VECTORS))
        record, matching = self.filter()
        options = mixed.options(self._rng, field, record)
        queries = mixed.queries(self._rng, field, n)
        answer = self.ask(name, kind(scope=self.scope(), queries=queries, options=options))
        assert len(answer.counts) == n
        self.check_hits(answer.hits, list(answer.counts), options, matching)
        # A page behind the first is searched for twice where every row is scanned.
        return answer, matching, 2 * n if options.offset else n

    def check_hits(
        self, hits: Any, counts: list[int] | None, options: search_pb2.SearchOptions, matching: set[Id]
    ) -> None:
        ids = columns.ids_of(hits.ids)
        assert len(ids) == len(hits.scores)
        if counts is None:
            counts = [len(ids)]
        self.queries += len(counts)
        assert sum(counts) == len(ids)
        for count, stop in zip(counts, np.cumsum(counts), strict=True):
            found = ids[stop - count : stop]
            assert set(found) <= matching
            expected = max(0, min(options.k, len(matching) - options.offset))
            assert len(set(found)) == count == expected, (count, expected, options, self.told(None))
        if options.with_payload:
            assert columns.payloads_of(hits.payloads) == [self.seen[i][1] for i in ids]
        self.check_vectors(hits.vectors, ids, options.with_vectors)

    def check_vectors(
        self, fields: Sequence[vectors_pb2.FieldVectors], ids: list[Id], expected: bool
    ) -> None:
        if ids or not expected:
            assert {field.field for field in fields} == (set(mixed.VECTORS) if expected else set())
        seen = self.seen
        written = [mixed.vector_rows(self.owner_of(i), i, seen[i][0]) for i in ids] if expected else []
        for field in fields:
            rows = columns.rows_of(field.vectors)
            assert len(rows) == len(ids)
            for row, vectors in zip(rows, written, strict=True):
                assert row.tobytes() == vectors[field.field].tobytes()

    def count(self) -> None:
        record, matching = self.filter()
        request = points_pb2.CountPointsRequest(scope=self.scope(), filter=columns.filter_of(record))
        counted = self.ask("CountPoints", request).count
        assert counted == len(matching), (counted, len(matching), record, self.told(record))
        self.queries += 1

    def facet(self) -> None:
        record, matching = self.filter()
        path = self._rng.choice([*mixed.FIELDS, "mood", "of", "maker[].city"])
        request = points_pb2.GetFacetsRequest(
            scope=self.scope(), field=path, filter=columns.filter_of(record)
        )
        answer = self.ask("GetFacets", request)
        found = [Facet(read_value(facet.value), facet.count) for facet in answer.facets]
        rows = [self.seen[i][1] for i in matching]
        check_facets(found, rows, path, mixed.FIELDS.get(path))
        ends = self.ask(
            "GetMinMax",
            points_pb2.GetMinMaxRequest(scope=self.scope(), field="year", filter=columns.filter_of(record)),
        )
        years = naive_ends(rows, "year", "integer")
        assert years == ((1, ends.least.integer), (1, ends.most.integer)) if years else not ends.ByteSize()
        self.queries += 2

    def search_groups(self) -> None:
        field = self._rng.choice(list(mixed.VECTORS))
        record, matching = self.filter()
        path = self._rng.choice([*mixed.FIELDS, "mood", "of", "maker[].city"])
        query = mixed.queries(self._rng, field, 1)
        request = search_pb2.SearchGroupsRequest(
            scope=self.scope(),
            queries=query,
            options=search_pb2.SearchOptions(field=field, k=50, exact=True, filter=columns.filter_of(record)),
            group_by=path,
            group_size=200,
        )
        answer = self.ask("SearchGroups", request)
        ids = columns.ids_of(answer.hits.ids)
        kind = mixed.FIELDS.get(path)
        found, start = {}, 0
        for value, count in zip(answer.values, answer.counts, strict=True):
            found[known_as(read_value(value), kind)] = set(ids[start : start + count])
            start += count
        expected: dict[Any, set[Id]] = {}
        for i in matching:
            for value in values_at(self.seen[i][1], path):
                expected.setdefault(known_as(value, kind), set()).add(i)
        expected.pop(None, None)
        assert found == expected, (path, record)
        self.queries += 1

    def told(self, record: dict[str, Any] | None) -> list[str]:
        """Return on which rows counting, searching and looking disagree, for a message."""
        expression = None if record is None else filter_from_json(record)
        with vicinal.open(self._server.folder, read_only=True) as database:
            return disagreements(database.collection(mixed.NAME), expression, self.owner)

    def get(self) -> None:
        ids = self._rng.sample(IDS, 20)
        request = points_pb2.GetPointsRequest(
            scope=self.scope(), ids=columns.point_ids(ids), with_vectors=self._rng.random() < 0.5
        )
        answer = self.ask("GetPoints", request)
        assert list(answer.found) == [i in self.seen for i in ids]
        self.check_points(answer.points, [i for i in ids if i in self.seen], request.with_vectors)

    def scroll(self) -> None:
        record, matching = self.filter()
        request = points_pb2.ScrollPointsRequest(
            scope=self.scope(),
            filter=columns.filter_of(record),
            limit=self._rng.choice([7, 60]),
            with_vectors=True,
        )
        seen: list[Id] = []
        while True:
            answer = self.ask("ScrollPoints", request)
            page = columns.ids_of(answer.points.ids)
            self.check_points(answer.points, page, True)
            seen += page
            if not answer.HasField("next"):
                break
            request.after = answer.next
        assert len(seen) == len(matching)
        assert set(seen) == matching

    def check_points(self, points: points_pb2.PointColumns, ids: list[Id], with_vectors: bool) -> None:
        self.queries += 1
        assert columns.ids_of(points.ids) == ids
        assert columns.payloads_of(points.payloads) == [self.seen[i][1] for i in ids]
        self.check_vectors(points.vectors, ids, with_vectors)

    def look_around(self) -> None:
        request = collections_pb2.GetCollectionInfoRequest(collection=mixed.NAME)
        own = self.ask("GetCollectionInfo", request).info
        everything = self.ask("GetDatabaseInfo", database_pb2.GetDatabaseInfoRequest())
        assert everything.bytes_catalog == 0
        for info in (own, *(one for one in everything.collections if one.name == mixed.NAME)):
            assert info.points == len(self.seen), (info.points, len(self.seen), self.told(None))
            assert info.tenants <= 1
            assert not info.HasField("activity") or info.activity == collections_pb2.Activity()
            for segment in info.segments:
                assert segment.uuid == ""
                assert segment.rows <= len(self.seen)

    def trespass(self) -> None:
        """Name the other tenant: it is not there."""
        scope = points_pb2.Scope(collection=mixed.NAME, tenant=self.other)
        nobody = points_pb2.Scope(collection=mixed.NAME, tenant="eve")
        there, gone = (
            self._server.call("CountPoints", points_pb2.CountPointsRequest(scope=one), self._key)
            for one in (scope, nobody)
        )
        assert there.code is grpc.StatusCode.NOT_FOUND
        assert there.seen(self.other) == gone.seen("eve")
