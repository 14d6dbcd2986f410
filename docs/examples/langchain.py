"""LangChain's `VectorStore` on vicinal, a store to copy into a program of your own.

It needs `pip install langchain-core vicinal`. No field is declared: documents are filtered by whatever is in
their metadata, in any notation of filters. Among your own modules this file needs another name than
`langchain.py`.

    store = VicinalVectorStore(vicinal.open("documents.vicinal"), embedding)
    store.add_documents(documents)
    store.similarity_search("ghost stories", filter="metadata.year >= 1990 AND metadata.genre = 'horror'")
    store.as_retriever(search_type="mmr", search_kwargs={"filter": F("metadata.year") >= 1990})
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore
from langchain_core.vectorstores.utils import maximal_marginal_relevance

import vicinal


class VicinalVectorStore(VectorStore):
    """Documents in one collection, which is made if it is not there.

    ``database`` is what ``vicinal.open`` or ``vicinal.connect`` returned, and is the caller's to close.
    Vectors are compared by their cosine. A filter is what ``Collection.search`` takes.
    """

    def __init__(
        self, database: Any, embedding: Embeddings, collection: str = "documents", dim: int | None = None
    ) -> None:
        self._embedding = embedding
        if collection not in database.collections():
            # The length of its vectors is what an embedding can be asked for.
            length = dim or len(embedding.embed_query("length"))
            database.create_collection(collection, vicinal.Dense(length))
        self._points = database.collection(collection)

    @property
    def embeddings(self) -> Embeddings:
        """What makes vectors of texts."""
        return self._embedding

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        location: str = ":memory:",
        **options: Any,
    ) -> VicinalVectorStore:
        """Return a store of the texts, in the database at ``location``."""
        store = cls(vicinal.open(location), embedding, **options)
        store.add_texts(texts, metadatas, ids=ids)
        return store

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: Sequence[str | None] | None = None,
        **_: Any,
    ) -> list[str]:
        """Write texts, in the place of those that have their ids, and return the ids."""
        listed = list(texts)
        said = metadatas or [{} for _ in listed]
        names = [one or str(uuid.uuid4()) for one in ids or [None] * len(listed)]
        if not len(listed) == len(said) == len(names):
            raise ValueError(f"{len(listed)} texts, {len(said)} metadatas and {len(names)} ids; give as many")
        if not listed:
            return []
        payloads = [{"text": text, "metadata": metadata} for text, metadata in zip(listed, said, strict=True)]
        # Of several with one id the last is kept.
        latest = {name: place for place, name in enumerate(names)}
        places = list(latest.values())
        vectors = self._embedding.embed_documents([listed[place] for place in places])
        self._points.upsert(list(latest), np.asarray(vectors, np.float32), [payloads[one] for one in places])
        return names

    def delete(self, ids: list[str] | None = None, **_: Any) -> bool:
        """Delete documents, or without ids all; those that are not there are passed over."""
        if ids is None:
            self._points.delete(filter=~vicinal.has_id([]))
        else:
            self._points.delete(list(dict.fromkeys(ids)))
        return True

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """Return the documents that are there."""
        return [_document(point) for point in self._points.get(list(ids)) if point is not None]

    def similarity_search(self, query: str, k: int = 4, **options: Any) -> list[Document]:
        """Return the documents nearest to a text; options are those of ``Collection.search``."""
        return [document for document, _ in self.similarity_search_with_score(query, k, **options)]

    def similarity_search_with_score(
        self, query: str, k: int = 4, **options: Any
    ) -> list[tuple[Document, float]]:
        """Return the documents nearest to a text with their cosines."""
        return self._nearest(self._embedding.embed_query(query), k, **options)

    def similarity_search_by_vector(
        self, embedding: list[float], k: int = 4, **options: Any
    ) -> list[Document]:
        """Return the documents nearest to a vector."""
        return [document for document, _ in self._nearest(embedding, k, **options)]

    def max_marginal_relevance_search(
        self, query: str, k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **options: Any
    ) -> list[Document]:
        """Return documents near to a text and unlike each other, out of the ``fetch_k`` nearest."""
        vector = self._embedding.embed_query(query)
        return self.max_marginal_relevance_search_by_vector(vector, k, fetch_k, lambda_mult, **options)

    def max_marginal_relevance_search_by_vector(
        self,
        embedding: list[float],
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        **options: Any,
    ) -> list[Document]:
        """Return documents near to a vector and unlike each other, out of the ``fetch_k`` nearest."""
        hits = list(self._points.search(embedding, fetch_k, with_vectors=True, **options))
        vectors = [next(iter(hit.vectors.values())) for hit in hits]
        chosen = maximal_marginal_relevance(np.asarray(embedding, np.float32), vectors, lambda_mult, k)
        return [_document(hits[place]) for place in chosen]

    def _nearest(self, vector: list[float], k: int, **options: Any) -> list[tuple[Document, float]]:
        return [(_document(hit), float(hit.score)) for hit in self._points.search(vector, k, **options)]

    def _select_relevance_score_fn(self) -> Any:
        """Return what makes relevance, 0 to 1, of a cosine."""
        return lambda cosine: (1 + cosine) / 2


def _document(point: Any) -> Document:
    said = point.payload
    return Document(id=point.id, page_content=said["text"], metadata=said["metadata"])
