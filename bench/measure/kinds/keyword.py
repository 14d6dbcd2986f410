"""`vicinal bench keyword`: search of texts by words beside other engines, also once many are replaced."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, ClassVar

import numpy as np
import typer
from numpy.typing import NDArray

from ....engine.text.analyzer import analyzer
from ....engine.text.words import words
from ...harness.keyword_truth import keyword_scores
from ...harness.scratch import scratch_folder
from ...harness.timing import percentiles, timed
from ...keyword_peers import KeywordPeer, KeywordSearcher, find_keyword_peers
from ...keyword_peers.peer import K1, B, Text
from ...keyword_peers.vicinal import VicinalPeer
from ...report.tables import records_table
from ...report.terminal import skipped
from ..measurement import Finding, Needs, Prepared, Record
from ..options import OUT, KOption, LockOption, OutOption, PeersOption, RepetitionsOption, names_in

LANGUAGE = "english"
REPLACED = 0.3
# Scores are sums of float32.
AGREED = 1e-4


@dataclass(frozen=True)
class KeywordMeasurement:
    """Keyword search by BM25 beside other engines, one thread, also once 30 % of the texts are replaced."""

    name: ClassVar = "keyword"
    needs: ClassVar = Needs(data="texts")
    dataset: Annotated[
        str,
        typer.Option(
            "--dataset", help="sample, or a folder of texts with docs.jsonl.gz and queries.jsonl.gz."
        ),
    ] = "sample"
    k: KOption = 10
    peers: PeersOption = "bm25s,tantivy"
    out: OutOption = OUT
    repetitions: RepetitionsOption = 5
    lock: LockOption = None

    def run(self, ready: Prepared) -> Iterator[Finding]:
        """Build with every engine, time it, replace texts, and time it again."""
        found, missing = find_keyword_peers(names_in(self.peers))
        skipped(missing)
        peers: list[KeywordPeer] = [VicinalPeer(), *found]
        documents, queries = (_texts(texts) for texts in (ready.texts.texts, ready.texts.queries))
        changed = replacements(documents)
        after = [changed.get(row, text) for row, text in enumerate(documents)]
        before_truth, after_truth = (self._truth(texts, queries) for texts in (documents, after))
        records: list[Record] = []
        for peer in peers:
            ready.step(f"build {peer.name}", 0.0)
            with scratch_folder(ready.scratch) as folder:
                began = time.perf_counter()
                searcher = peer.build(documents, folder)
                spent = round(time.perf_counter() - began, 3)
                about: Record = {"replaced": 0.0, "build_seconds": spent, "replace_seconds": None}
                records.append(self._record(ready, peer, searcher, queries, before_truth) | about)
                began = time.perf_counter()
                searcher = searcher.replaced(changed)
                spent = round(time.perf_counter() - began, 3)
                about |= {"replaced": REPLACED, "replace_seconds": spent}
                records.append(self._record(ready, peer, searcher, queries, after_truth) | about)
                searcher.close()
        columns = {
            "engine": "{engine}",
            "replaced": "{replaced:.0%}",
            "us alone": "{single_mean_us:.1f}",
            "p50": "{p50_us:.1f}",
            "p99": "{p99_us:.1f}",
            "us in batch": "{batch_us:.1f}",
            "cores": "{cores:.2f}",
            "scores off by": "{largest_difference:.1e}",
            "build s": "{build_seconds:.1f}",
            "replace s": "{replace_seconds:.1f}",
        }
        ours = max(one["largest_difference"] for one in records if one["engine"] == VicinalPeer.name)
        broken = f"scores of vicinal are off by {ours:.1e}" if ours > AGREED else None
        title = f"Keyword search, the best {self.k} of {len(documents):,} texts"
        yield Finding(records, [records_table(title, columns, records)], [broken])

    def _truth(self, documents: Sequence[Text], queries: Sequence[Text]) -> list[NDArray[np.float64]]:
        terms, asked = ([text.terms for text in texts] for texts in (documents, queries))
        return keyword_scores(terms, asked, self.k, k1=K1, b=B)

    def _record(
        self,
        ready: Prepared,
        peer: KeywordPeer,
        searcher: KeywordSearcher,
        queries: Sequence[Text],
        truth: Sequence[NDArray[np.float64]],
    ) -> Record:
        asked = [searcher.asked(query) for query in queries]
        answers = [searcher.scores(searcher.search(one, self.k)) for one in asked]
        searcher.search_all(asked, self.k)
        alone, batches, cores = [], [], []
        for _ in range(self.repetitions):
            with ready.timing():
                started, cpu = time.perf_counter(), time.process_time()
                alone.append([timed(partial(searcher.search, one, self.k)) for one in asked])
                batches.append(timed(lambda: searcher.search_all(asked, self.k)))
                cores.append((time.process_time() - cpu) / (time.perf_counter() - started))
        seconds = np.median(np.array(alone), axis=0)
        return {
            "k": self.k,
            "engine": peer.name,
            "single_mean_us": round(float(seconds.mean()) * 1e6, 2),
            **percentiles(seconds),
            "batch_us": round(float(np.median(batches)) / len(asked) * 1e6, 2),
            "cores": round(float(np.median(cores)), 3),
            "largest_difference": largest_difference(answers, truth),
            "repetitions": self.repetitions,
        }


def replacements(documents: Sequence[Text]) -> dict[int, Text]:
    """Return new texts for some of the documents: the first two thirds of what another one was."""
    rows = np.random.default_rng(len(documents)).permutation(len(documents))
    rows = rows[: round(REPLACED * len(documents))]
    taken = np.roll(rows, 1)
    changed = {}
    for row, other in zip(rows.tolist(), taken.tolist(), strict=True):
        kept = documents[other].written.split()
        changed[row] = " ".join(kept[: max(1, 2 * len(kept) // 3)])
    return dict(zip(changed, _texts(list(changed.values())), strict=True))


def largest_difference(answers: Sequence[NDArray[np.float64]], truth: Sequence[NDArray[np.float64]]) -> float:
    """How far a score is from the true one of its rank at most; a missing score is as far as the true one."""
    largest = 0.0
    for answer, known in zip(answers, truth, strict=True):
        filled = np.zeros(max(len(answer), len(known)))
        filled[: len(answer)] = answer
        filled[: len(known)] -= known
        largest = max(largest, float(np.abs(filled).max(initial=0.0)))
    return largest


def _texts(texts: Sequence[str]) -> list[Text]:
    stem = analyzer(LANGUAGE).stem
    return [Text(text, [stem(word) for word in words(text)]) for text in texts]
