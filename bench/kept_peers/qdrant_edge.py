"""qdrant-edge: Qdrant inside the process; what is alike for all kinds of vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..peers import Effort


def config(library: Any, index_from: int, **vectors: Any) -> Any:
    """Return a shard's configuration: its vectors, and kilobytes that a segment must have to get an index."""
    optimizers = library.EdgeOptimizersConfig(default_segment_number=1, indexing_threshold=index_from)
    return library.EdgeConfig(optimizers=optimizers, max_search_threads=1, **vectors)


def saving(shard: Any) -> Callable[[], None]:
    """Return what saves a shard."""

    def save() -> None:
        shard.flush()
        shard.close()

    return save


class QdrantEdgeKeptSearcher:
    """Searches one field of a shard."""

    def __init__(self, library: Any, shard: Any, field: str) -> None:
        self._library, self._shard, self._field = library, shard, field

    def search(self, effort: Effort, k: int) -> Callable[[Any], Any]:
        library, query, field = self._library, self._shard.query, self._field
        request, nearest = library.QueryRequest, library.Query.Nearest
        params = library.SearchParams(**effort.parameters)
        return lambda asked: query(request(limit=k, query=nearest(asked, using=field), params=params))

    def rows(self, answer: Any) -> Iterable[int]:
        return [point.id for point in answer]

    def close(self) -> None:
        self._shard.close()
