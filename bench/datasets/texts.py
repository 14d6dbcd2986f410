"""Texts to search by keywords, and what is asked of them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from .dataset import DatasetError, content_hash

DOCUMENTS, QUERIES = "docs.jsonl.gz", "queries.jsonl.gz"


@dataclass(frozen=True, eq=False)
class TextDataset:
    """Texts to index and queries in words.

    Attributes
    ----------
    name : str
        Short name used in tables and file names.
    texts, queries : sequence of str
    """

    name: str
    texts: Sequence[str]
    queries: Sequence[str]

    def __post_init__(self) -> None:
        if not self.texts or not self.queries:
            raise DatasetError(f"{self.name}: {len(self.texts)} texts and {len(self.queries)} queries")

    @cached_property
    def content_hash(self) -> str:
        """Sixteen hexadecimal digits that change with any text or query."""
        return content_hash(json.dumps(list(texts)).encode() for texts in (self.texts, self.queries))

    def describe(self) -> dict[str, Any]:
        """The dataset as it stands in a result record."""
        about = {"name": self.name, "hash": self.content_hash, "metric": "bm25"}
        return {**about, "rows": len(self.texts), "queries": len(self.queries)}


def open_texts(spec: str) -> TextDataset:
    """Read `sample`, or a folder with words and definitions in `docs.jsonl.gz` and queries beside it.

    Raises
    ------
    DatasetError
        Nothing readable stands there.
    """
    if spec == "sample":
        from ..demo.sample import FOLDER

        return _read(spec, FOLDER / "points.jsonl.gz", FOLDER / QUERIES)
    path = Path(spec)
    if not all((path / name).exists() for name in (DOCUMENTS, QUERIES)):
        raise DatasetError(
            f"no texts at {spec!r}; expected sample, or a folder with {DOCUMENTS} and {QUERIES}"
        )
    return _read(path.name, path / DOCUMENTS, path / QUERIES)


def _read(name: str, documents: Path, queries: Path) -> TextDataset:
    try:
        texts = [f"{', '.join(one['words'])}: {one['definition']}" for one in _lines(documents)]
        return TextDataset(name, texts, [one["text"] for one in _lines(queries)])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{documents} or {queries}: no lines of texts ({error!r})") from error


def _lines(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]
