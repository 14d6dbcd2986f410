"""What encoding a document as MUVERA does takes, beside fastembed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from rich.table import Table

from ....indexes.muvera.encoding import Encoder, Encoding
from ....indexes.rows.multi import MultiRows
from ...datasets.dataset import Floats
from ...datasets.multi.dataset import MultiDataset, part_of, tokens_of
from ...harness.one_thread import in_one_thread
from ...harness.timing import interleaved
from ...multi_peers.fastembed import D_PROJ, K_SIM, REPETITIONS, FastembedEncoder
from ...peers import MissingPeer
from ...report.tables import records_table
from ...report.terminal import skipped
from ..measurement import Record

DOCUMENTS = 200
# Passes over all documents, for each repetition asked for.
PASSES = 4


def encoding_records(data: MultiDataset, repetitions: int) -> list[Record]:
    """Encode some documents in a process of one thread: all at once by vicinal, one by one by fastembed."""
    documents = part_of(data.documents, 0, min(DOCUMENTS, data.rows))
    few = MultiRows(np.array(documents.offsets), np.array(documents.tokens, np.float32))
    records, missing = in_one_thread(_records, few, PASSES * repetitions)
    skipped([] if missing is None else [missing])
    return records


def encodings_table(records: Sequence[Record]) -> Table:
    """The records beside each other."""
    columns = {
        "encoded by": "{engine}",
        "us a document": "{us_a_document:.1f}",
        "least": "{least_us_a_document:.1f}",
        "dimensions": "{dimensions:,}",
        "tokens": "{tokens_a_document:.1f}",
    }
    return records_table("Fixed dimensional encodings, one thread", columns, records)


def _records(documents: MultiRows, passes: int) -> tuple[list[Record], MissingPeer | None]:
    encoding = Encoding(K_SIM, D_PROJ, REPETITIONS, fill_empty=True, final_projection=None, seed=0)
    dim = documents.dim
    encoder = Encoder(encoding, dim, Encoder.draw(encoding, dim))
    calls: dict[str, Callable[[], Floats]] = {"vicinal": lambda: encoder.of_rows(documents)}
    each = [tokens_of(documents, number) for number in range(len(documents))]
    missing = None
    try:
        other = FastembedEncoder(dim)
        other.encoded(each[0])
    except ImportError as error:
        missing = MissingPeer("fastembed", "fastembed", str(error))
    # Whatever it raises, this engine's own figures are not lost with it.
    except Exception as error:
        missing = MissingPeer("fastembed", None, f"{type(error).__name__}: {error}")
    else:
        calls["fastembed"] = lambda: np.stack([other.encoded(document) for document in each])
    width = {name: call().shape[1] for name, call in calls.items()}
    return [
        {
            "part": "encode",
            "engine": name,
            "documents": len(documents),
            "tokens_a_document": round(len(documents.tokens) / len(documents), 2),
            "dimensions": width[name],
            "us_a_document": round(float(np.median(spent)) / len(documents) * 1e6, 3),
            "least_us_a_document": round(min(spent) / len(documents) * 1e6, 3),
        }
        for name, spent in interleaved(calls, passes).items()
    ], missing
