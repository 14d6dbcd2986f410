"""LangChain's standard tests of vector stores, on the example: in a folder, in memory, through a server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example import load_example

import vicinal
from vicinal import F
from vicinal.server.service.server import Server
from vicinal.server.service.settings.settings import ServerSettings

standard = pytest.importorskip("langchain_tests.integration_tests.vectorstores")

VicinalVectorStore = load_example("langchain").VicinalVectorStore
Document = standard.Document
EMBEDDING = standard.VectorStoreIntegrationTests.get_embeddings()


class TestInAFolder(standard.VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self, tmp_path: Path) -> Iterator[Any]:
        with vicinal.open(tmp_path / "db") as database:
            yield VicinalVectorStore(database, EMBEDDING)


class TestInMemory(standard.VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self) -> Iterator[Any]:
        with vicinal.open(":memory:") as database:
            yield VicinalVectorStore(database, EMBEDDING)


class TestThroughAServer(standard.VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self, tmp_path: Path) -> Iterator[Any]:
        settings = ServerSettings(tmp_path / "db", port=0)
        with Server(settings) as server, vicinal.connect(server.address) as database:
            yield VicinalVectorStore(database, EMBEDDING)


@pytest.fixture
def store() -> Iterator[Any]:
    with vicinal.open(":memory:") as database:
        texts = [f"text {number}" for number in range(40)]
        made = VicinalVectorStore(database, EMBEDDING)
        made.add_texts(texts, [{"year": 1980 + number} for number in range(40)], ids=texts)
        yield made


def cosines(query: str) -> dict[str, float]:
    """Return the cosine of each text with a query."""
    asked = np.array(EMBEDDING.embed_query(query))
    rows = {f"text {number}": np.array(EMBEDDING.embed_query(f"text {number}")) for number in range(40)}
    lengths = np.linalg.norm(asked)
    return {name: float(row @ asked / np.linalg.norm(row) / lengths) for name, row in rows.items()}


@pytest.mark.parametrize(
    "told",
    [
        F("metadata.year") >= 2000,
        "metadata.year >= 2000",
        {"key": "metadata.year", "range": {"gte": 2000}},
    ],
)
def test_filters_in_any_notation_choose_by_metadata(store: Any, told: Any) -> None:
    found = store.similarity_search_with_score("question", k=5, filter=told, exact=True)
    known = cosines("question")
    late = sorted(list(known)[20:], key=lambda name: -known[name])[:5]
    assert [document.id for document, _ in found] == late
    assert [score for _, score in found] == pytest.approx([known[name] for name in late], abs=1e-5)
    (best, relevance), *_ = store.similarity_search_with_relevance_scores("question", k=1, exact=True)
    assert relevance == pytest.approx((1 + max(known.values())) / 2, abs=1e-5)
    assert known[best.id] == max(known.values())


def test_a_retriever_takes_documents_that_are_unlike_each_other(store: Any) -> None:
    told = {"k": 4, "fetch_k": 10, "filter": "metadata.year < 2000"}
    found = store.as_retriever(search_type="mmr", search_kwargs=told).invoke("question")
    known = cosines("question")
    near = sorted(list(known)[:20], key=lambda name: -known[name])[:10]
    assert found[0].id == near[0]
    assert len({document.id for document in found} & set(near)) == 4
    assert all(document.metadata["year"] < 2000 for document in found)


def test_a_store_is_made_of_texts_and_emptied() -> None:
    made = VicinalVectorStore.from_texts(["a", "b", "b"], EMBEDDING, ids=["1", "2", "2"])
    assert [document.page_content for document in made.get_by_ids(["2", "3", "1"])] == ["b", "a"]
    with pytest.raises(ValueError, match="2 texts, 1 metadatas"):
        made.add_texts(["c", "d"], [{}])
    assert made.add_texts([]) == []
    assert made.delete()
    assert made.similarity_search("a") == []
