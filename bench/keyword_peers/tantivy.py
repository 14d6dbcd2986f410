"""tantivy: a search library in the manner of Lucene, whose best hits are found without scoring all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .peer import K1, Row, Text

_BODY, _ROW = "body", "row"
_HEAP_BYTES = 256 << 20


class TantivyPeer:
    name = "tantivy"

    def __init__(self) -> None:
        self._library = import_module("tantivy")

    def build(self, documents: Sequence[Text], folder: Path) -> TantivySearcher:
        schema = self._library.SchemaBuilder()
        schema.add_text_field(_BODY, tokenizer_name="whitespace", index_option="freq")
        # Of unsigned ones, documents are not deleted by a number.
        schema.add_integer_field(_ROW, indexed=True)
        index = self._library.Index(schema.build())
        searcher = TantivySearcher(self._library, index)
        return searcher.replaced(dict(enumerate(documents)))


class TantivySearcher:
    def __init__(self, library: Any, index: Any) -> None:
        self._library, self._index = library, index
        self._searcher = index.searcher()

    def asked(self, query: Text) -> Any:
        library, schema = self._library, self._index.schema
        # A term that is asked for twice counts twice, as in the others.
        asked = (library.Query.term_query(schema, _BODY, term, "freq") for term in query.terms)
        return library.Query.boolean_query([(library.Occur.Should, one) for one in asked])

    def search(self, asked: Any, k: int) -> Any:
        return self._searcher.search(asked, k, count=False)

    def search_all(self, asked: Sequence[Any], k: int) -> Any:
        return [self.search(one, k) for one in asked]

    def scores(self, answer: Any) -> NDArray[np.float64]:
        # It leaves the factor in that Lucene has dropped, as the same for all.
        return np.array([score for score, _ in answer.hits], dtype=np.float64) / (K1 + 1)

    def replaced(self, changed: Mapping[Row, Text]) -> TantivySearcher:
        writer = self._index.writer(heap_size=_HEAP_BYTES, num_threads=1)
        for row, text in changed.items():
            writer.delete_documents_by_term(_ROW, row)
            document = self._library.Document()
            document.add_text(_BODY, " ".join(text.terms))
            document.add_integer(_ROW, row)
            writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()
        return TantivySearcher(self._library, self._index)

    def close(self) -> None:
        del self._searcher, self._index
