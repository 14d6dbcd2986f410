"""What every reader of vector files is asked and gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...engine.error_translation import translated
from ...engine.errors import InvalidArgument
from ...storage.arrow.library import optional_library
from ...storage.columns.vectors import ColumnKind

DEFAULT_FIELD = "vector"
DEFAULT_ID = "id"
BATCH_BYTES = 8 << 20
BATCH_ROWS = 10_000


@dataclass(frozen=True)
class FileRequest:
    """Which file, and what of it.

    Attributes
    ----------
    path : Path
        Its suffix says the format.
    id_field : str or None
        The column of the point ids; None takes ``id`` where there is one, else row numbers.
    vector_fields : sequence of str or None
        The columns that hold vectors; empty takes ``vector``, or the only column that can be one. None says
        that there are none.
    """

    path: Path
    id_field: str | None = None
    vector_fields: Sequence[str] | None = ()

    def refuse(self, why: str) -> InvalidArgument:
        """Return the error that says what is wrong with the file."""
        return InvalidArgument(f"{self.path}: {why}")


@dataclass(frozen=True)
class FileBatch:
    """Some points of a file, as `upsert` takes them.

    Attributes
    ----------
    ids : sequence of int or str
    vectors : dict
        Field name to a column of vectors.
    kinds : dict
        Field name to the kind of those vectors.
    payloads : list of dict or None
        None for files that hold vectors only.
    fraction : float
        How much of the file has been read when this batch has been.
    """

    ids: Sequence[Any]
    vectors: dict[str, Any]
    kinds: dict[str, ColumnKind]
    payloads: list[dict[str, Any]] | None
    fraction: float


@contextmanager
def readable(request: FileRequest, *damage: type[Exception]) -> Iterator[None]:
    """Return a context that refuses a file in which a library finds one of these errors.

    What the system says of a file that cannot be read is raised as it is.
    """
    try:
        yield
    except damage as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise request.refuse(f"it is damaged, cut off or of another format: {error}") from error


def choose_fields(request: FileRequest, names: list[str], able: list[str], default: str) -> list[str]:
    """Return the columns that hold vectors: those named, the default one, or the only one that can be."""
    if request.vector_fields is None:
        return []
    if request.vector_fields:
        for field in request.vector_fields:
            if field not in names:
                raise request.refuse(f"there is no column {field!r}, only {', '.join(names)}")
        return list(request.vector_fields)
    if default in able:
        return [default]
    if len(able) == 1:
        return able
    found = ", ".join(able) or "none"
    raise request.refuse(f"which column holds the vectors? Say --vector-field NAME; possible are: {found}")


def choose_id(request: FileRequest, names: list[str]) -> str | None:
    """Return the column of the ids, None for row numbers."""
    if request.id_field is None:
        return DEFAULT_ID if DEFAULT_ID in names else None
    if request.id_field not in names:
        raise request.refuse(f"there is no column {request.id_field!r}, only {', '.join(names)}")
    return request.id_field


def refuse_without_vectors(request: FileRequest) -> None:
    """Refuse a file of vectors where there is no field for them."""
    if request.vector_fields is None:
        raise request.refuse("the file holds vectors, and the collection makes its own of payloads")


def refuse_columns(request: FileRequest, ids: str) -> None:
    """Refuse to look for columns in a file that is one matrix, whose ids are what ``ids`` says."""
    refuse_without_vectors(request)
    if request.id_field is not None or len(request.vector_fields or ()) > 1:
        raise request.refuse(f"the file is one matrix without columns; the ids are its {ids}")


def rows_per_batch(bytes_a_row: int) -> int:
    """Return how many rows make a batch of a size that is worth a call."""
    return max(1, min(BATCH_ROWS, BATCH_BYTES // max(1, bytes_a_row)))


def optional_module(name: str, needed_for: str) -> Any:
    """Import a module of the ``data`` extra, or say how to install it."""
    with translated():
        return optional_library(name, needed_for)
