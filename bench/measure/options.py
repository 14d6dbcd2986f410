"""The options that several measurements have, in the same words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import orjson
import typer

from ...indexes.codecs.protocol import CodecSpec
from ...indexes.codecs.registry import codec_from_json
from ...indexes.factory import index_factory
from ...indexes.protocol import IndexSpec
from ...indexes.registry import spec_from_json

DatasetOption = Annotated[
    str,
    typer.Option(
        "--dataset",
        help="sample, random-ROWSxDIM[-cosine|-dot|-l2], clustered- or embedded-ROWSxDIM, or a file or "
        "folder of vectors (.hdf5, .npy, .fvecs, .bvecs, .ivecs, .parquet).",
    ),
]
MultiDatasetOption = Annotated[
    str,
    typer.Option(
        "--dataset",
        help="sample, tokens-ROWSxTOKENSxDIM to generate so many documents, or a folder with tokens.npy, "
        "tokens_offsets.npy, queries_tokens.npy and queries_tokens_offsets.npy.",
    ),
]
OutOption = Annotated[Path, typer.Option("--out", help="Folder for results, pictures and cached truth.")]
KOption = Annotated[int, typer.Option("--k", min=1, help="Neighbours per query.")]
QueriesOption = Annotated[int | None, typer.Option(min=1, help="Use only the first so many queries.")]
RowsOption = Annotated[int | None, typer.Option(min=1, help="Use only the first so many vectors.")]
RepetitionsOption = Annotated[int, typer.Option(min=1, help="Timings of each point; the median is reported.")]
PeersOption = Annotated[
    str, typer.Option("--peers", help="Engines to compare with, separated by commas; empty for none.")
]
BuildsOption = Annotated[
    str,
    typer.Option(
        "--builds",
        help="Labels of builds, such as IVF*: an engine that has some of them builds no others.",
    ),
]
KeepOption = Annotated[
    Path | None,
    typer.Option("--keep", help="Folder where what was built is kept, and found by the next run."),
]
OnlyOption = Annotated[str, typer.Option("--only", help="What to measure, separated by commas.")]
CodecsOption = Annotated[
    list[str] | None,
    typer.Option(help="Only this codec instead of all: JSON as in a schema. Repeat it for several."),
]
LockOption = Annotated[
    Path | None, typer.Option(help="Hold this file's lock while timing, so that benchmarks take turns.")
]
OUT = Path("bench-results")
_JSON_BEGINS = ("{", '"', "[")


@dataclass(frozen=True)
class CollectionOptions:
    """The options of what is measured on one embedded collection; further ones stand between them."""

    dataset: DatasetOption = "sample"
    k: KOption = 10
    out: OutOption = OUT
    queries: QueriesOption = field(default=None, kw_only=True)
    lock: LockOption = field(default=None, kw_only=True)


def names_in(text: str) -> tuple[str, ...]:
    """The names in a text that commas separate, each once."""
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def chosen_in(option: str, text: str, known: Sequence[str]) -> list[str]:
    """The names in a text that commas separate, in the order of those that are known.

    Raises
    ------
    typer.BadParameter
        There are others or none, in words for the caller.
    """
    names = names_in(text)
    if not names or not {*names} <= {*known}:
        raise typer.BadParameter(f"{text!r}; expected some of {', '.join(known)}", param_hint=option)
    return [name for name in known if name in names]


def numbers_in(option: str, text: str, low: float, high: float) -> list[float]:
    """The numbers in a text that commas separate, each once, ascending.

    Raises
    ------
    typer.BadParameter
        One is none, or beyond what may be asked for, or there are none.
    """
    try:
        found = sorted({float(name) for name in names_in(text)})
    except ValueError:
        found = []
    if not found or not (low <= found[0] and found[-1] <= high):
        raise typer.BadParameter(
            f"{text!r}; expected numbers from {low:g} to {high:g}, separated by commas", param_hint=option
        )
    return found


def index_in(text: str) -> IndexSpec:
    """The index that JSON or a factory string means; typer.BadParameter, in words for the caller, if none."""
    try:
        if not text.lstrip().startswith(_JSON_BEGINS):
            return index_factory(text)
        record = orjson.loads(text)
        return spec_from_json(record if isinstance(record, dict) else {"name": record})
    except ValueError as error:
        raise typer.BadParameter(f"{text!r}: {error}", param_hint="--index") from error


def codecs_in(texts: Sequence[str]) -> list[CodecSpec]:
    """The codecs that texts describe; typer.BadParameter, in words for the caller, if one describes none."""
    try:
        records = [orjson.loads(text) for text in texts]
        return [codec_from_json(one if isinstance(one, dict) else {"name": one}) for one in records]
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--codec") from error
