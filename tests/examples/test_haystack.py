"""Haystack's own tests of document stores, on the example: no field is declared."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example import load_example

from vicinal.server.service.server import Server
from vicinal.server.service.settings.settings import ServerSettings

suites = pytest.importorskip("haystack.testing.document_store")
filters = pytest.importorskip("haystack.utils.filters")
async_suites = pytest.importorskip("haystack.testing.document_store_async")
Document, DuplicateDocumentError = suites.Document, suites.DuplicateDocumentError

VicinalDocumentStore = load_example("haystack").VicinalDocumentStore


def as_stored(document: Any) -> dict[str, Any]:
    """Return a document with its embedding as float32, which is what is stored."""
    said = document.to_dict()
    if said["embedding"] is not None:
        said["embedding"] = pytest.approx(said["embedding"], rel=1e-6)
    return said


class TestVicinalDocumentStore(
    suites.DocumentStoreBaseExtendedTests,
    suites.CountDocumentsByFilterTest,
    suites.CountUniqueMetadataByFilterTest,
    suites.GetMetadataFieldsInfoTest,
    suites.GetMetadataFieldMinMaxTest,
    suites.GetMetadataFieldUniqueValuesTest,
    async_suites.DeleteAllAsyncTest,
    async_suites.CountDocumentsAsyncTest,
    async_suites.CountDocumentsByFilterAsyncTest,
    async_suites.CountUniqueMetadataByFilterAsyncTest,
    async_suites.DeleteByFilterAsyncTest,
    async_suites.UpdateByFilterAsyncTest,
    async_suites.WriteDocumentsAsyncTest,
    async_suites.DeleteDocumentsAsyncTest,
    async_suites.GetMetadataFieldsInfoAsyncTest,
    async_suites.GetMetadataFieldMinMaxAsyncTest,
    async_suites.GetMetadataFieldUniqueValuesAsyncTest,
    async_suites.FilterDocumentsAsyncTest,
):
    @pytest.fixture
    def document_store(self) -> Iterator[Any]:
        store = VicinalDocumentStore()
        yield store
        store.close()

    @staticmethod
    def assert_documents_are_equal(received: list[Any], expected: list[Any]) -> None:
        assert [one.to_dict() for one in received] == [as_stored(one) for one in expected]

    def test_write_documents(self, document_store: Any) -> None:
        document = Document(content="test doc")
        assert document_store.write_documents([document]) == 1
        with pytest.raises(DuplicateDocumentError):
            document_store.write_documents([document])
        self.assert_documents_are_equal(document_store.filter_documents(), [document])

    @pytest.mark.asyncio
    async def test_write_documents_async(self, document_store: Any) -> None:
        document = Document(content="test doc")
        assert await document_store.write_documents_async([document]) == 1
        with pytest.raises(DuplicateDocumentError):
            await document_store.write_documents_async([document])
        self.assert_documents_are_equal(await document_store.filter_documents_async(), [document])


VALUES = [None, 1, 1.0, 2.5, -3, True, "a", "2024-05-01", "2024-05-01T00:00:00", "1999-12-31", [1, "a"]]


def documents(rng: random.Random) -> list[Any]:
    """Return documents of which some lack a field, some have it within another, and some a null."""
    made = []
    for number in range(60):
        meta = {name: rng.choice(VALUES[:-1]) for name in "ab" if rng.random() < 0.8}
        meta["kind"] = rng.choice(["x", "y"])
        meta["number"] = rng.randrange(10)
        meta["inner"] = {"date": rng.choice(["2024-05-01", "1999-12-31", None])}
        made.append(Document(id=str(number), content=f"text {number}", meta=meta))
    return made


def random_filter(rng: random.Random, depth: int = 0) -> dict[str, Any]:
    """Return a filter by Haystack's rules."""
    if depth < 2 and rng.random() < 0.4:
        count = rng.randint(1, 3)
        conditions = [random_filter(rng, depth + 1) for _ in range(count)]
        return {"operator": rng.choice(["AND", "OR", "NOT"]), "conditions": conditions}
    operator = rng.choice(["==", "!=", "in", "not in", ">", ">=", "<", "<="])
    if operator in ("==", "!="):
        field, value = rng.choice(["meta.a", "b", "meta.inner.date", "id"]), rng.choice(VALUES[:-1])
        return {"field": field, "operator": operator, "value": str(value) if field == "id" else value}
    if operator in ("in", "not in"):
        return {"field": "meta.a", "operator": operator, "value": rng.sample(VALUES[:-1], rng.randint(0, 3))}
    field, values = rng.choice(
        [("meta.number", [3, 4.5, None]), ("meta.inner.date", ["2000-01-01", "2024-05-01T00:00:00", None])]
    )
    return {"field": field, "operator": operator, "value": rng.choice(values)}


def bools_apart(said: Any) -> Any:
    """Return what holds true and false as texts: to Python, and so to Haystack, true equals 1."""
    if isinstance(said, dict):
        return {name: bools_apart(value) for name, value in said.items()}
    if isinstance(said, list):
        return [bools_apart(value) for value in said]
    return f"bool {said}" if isinstance(said, bool) else said


def test_filters_choose_what_haystack_chooses() -> None:
    rng = random.Random(7)
    stored = documents(rng)
    store = VicinalDocumentStore(dim=2)
    store.write_documents(stored)
    apart = [Document(id=one.id, content=one.content, meta=bools_apart(one.meta)) for one in stored]
    for _ in range(400):
        told = random_filter(rng)
        expected = [one.id for one in apart if filters.document_matches_filter(bools_apart(told), one)]
        assert [one.id for one in store.filter_documents(told)] == expected, told
        assert store.count_documents_by_filter(told) == len(expected)
    store.close()


def test_the_nearest_documents_are_found_under_filters_through_a_server(tmp_path: Path) -> None:
    with Server(ServerSettings(tmp_path / "db", port=0)) as server:
        store = VicinalDocumentStore(server.address, dim=2, remote=True)
        angles = np.linspace(0, 3, 20)
        made = [
            Document(content=str(n), meta={"even": n % 2 == 0}, embedding=[np.cos(angle), np.sin(angle)])
            for n, angle in enumerate(angles)
        ]
        assert store.write_documents([*made, Document(content="no embedding")]) == 21
        odd = {"field": "meta.even", "operator": "==", "value": False}
        found = store.embedding_retrieval([1.0, 0.0], filters=odd, top_k=3)
        assert [one.content for one in found] == ["1", "3", "5"]
        assert [one.score for one in found] == pytest.approx(np.cos(angles[[1, 3, 5]]), abs=1e-6)
        again = VicinalDocumentStore.from_dict(store.to_dict())
        assert again.count_documents() == 21
        again.close()
        store.close()
