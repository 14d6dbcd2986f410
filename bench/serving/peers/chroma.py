"""Chroma's server through its HTTP client."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

_COLLECTION = "bench"
_METRICS = {"cosine": "cosine", "dot": "ip", "l2": "l2"}
_RUN = "import sys; from chromadb.cli.cli import app; sys.argv[0] = 'chroma'; sys.exit(app())"


class Adapter:
    """What the bench asks of a server's client."""

    # A new effort is only taken up when the index is opened again.
    restarts_for_effort = True

    def __init__(self) -> None:
        # Nothing is to leave this machine.
        os.environ["ANONYMIZED_TELEMETRY"] = "False"
        self._library = import_module("chromadb")

    def command(self, folder: str, port: int) -> list[str]:
        return [
            sys.executable,
            "-c",
            _RUN,
            "run",
            "--path",
            folder,
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
        ]

    def connect(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        settings = import_module("chromadb.config").Settings(anonymized_telemetry=False)
        self._client = self._library.HttpClient(host, int(port), settings=settings)
        if _COLLECTION in [one.name for one in self._client.list_collections()]:
            self._collection = self._client.get_collection(_COLLECTION, embedding_function=None)

    def load(self, vectors: Any, metric: str, m: int, ef_construction: int) -> None:
        graph = {"space": _METRICS[metric], "max_neighbors": m, "ef_construction": ef_construction}
        self._collection = self._client.create_collection(
            _COLLECTION, embedding_function=None, configuration={"hnsw": graph}
        )
        most = self._client.get_max_batch_size()
        for start in range(0, len(vectors), most):
            rows = vectors[start : start + most]
            self._collection.add(ids=[str(start + row) for row in range(len(rows))], embeddings=rows)

    def set_effort(self, ef: int) -> None:
        self._collection.modify(configuration={"hnsw": {"ef_search": ef}})

    def search(self, query: Any, k: int) -> list[int]:
        found = self._collection.query(query_embeddings=[query], n_results=k, include=[])
        return [int(one) for one in found["ids"][0]]
