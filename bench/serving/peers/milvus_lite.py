"""milvus-lite's server through pymilvus."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

_COLLECTION, _FIELD = "bench", "vector"
_METRICS = {"cosine": "COSINE", "dot": "IP", "l2": "L2"}
_BATCH_ROWS = 5_000


class Adapter:
    """What the bench asks of a server's client."""

    restarts_for_effort = False

    def __init__(self) -> None:
        self._library = import_module("pymilvus")
        import_module("milvus_lite")

    def command(self, folder: str, port: int) -> list[str]:
        server = [sys.executable, "-m", "milvus_lite", "server"]
        return [*server, "--data-dir", folder, "--host", "127.0.0.1", "--port", str(port)]

    def connect(self, address: str) -> None:
        self._client = self._library.MilvusClient(f"http://{address}")

    def load(self, vectors: Any, metric: str, m: int, ef_construction: int) -> None:
        client, kinds = self._client, self._library.DataType
        schema = client.create_schema(auto_id=False)
        schema.add_field("id", kinds.INT64, is_primary=True)
        schema.add_field(_FIELD, kinds.FLOAT_VECTOR, dim=vectors.shape[1])
        client.create_collection(_COLLECTION, schema=schema)
        for start in range(0, len(vectors), _BATCH_ROWS):
            rows = enumerate(vectors[start : start + _BATCH_ROWS], start)
            client.insert(_COLLECTION, [{"id": row, _FIELD: vector} for row, vector in rows])
        client.flush(_COLLECTION)
        index = client.prepare_index_params()
        index.add_index(
            _FIELD,
            index_type="HNSW",
            metric_type=_METRICS[metric],
            params={"M": m, "efConstruction": ef_construction},
        )
        client.create_index(_COLLECTION, index)
        client.load_collection(_COLLECTION)

    def set_effort(self, ef: int) -> None:
        self._effort = {"params": {"ef": ef}}

    def search(self, query: Any, k: int) -> list[int]:
        (found,) = self._client.search(_COLLECTION, [query], limit=k, search_params=self._effort)
        return [hit["id"] for hit in found]
