"""Which points of an upsert are written: by whether they exist, and by what is stored of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ..errors import InvalidArgument
from ..filters.expression import Filter
from ..filters.notations.reading import FilterLike
from ..schema.collection_schema import CollectionSchema
from .ids import conditions


class UpsertMode(StrEnum):
    """What an upsert does with ids that exist and with those that do not."""

    UPSERT = "upsert"
    INSERT_ONLY = "insert_only"
    UPDATE_ONLY = "update_only"


@dataclass(frozen=True, slots=True)
class UpsertCondition:
    """What holds for the points that are written.

    Attributes
    ----------
    mode : UpsertMode
    only_if : Filter or None
        What a stored point satisfies if it is replaced; not bound to a schema.
    """

    mode: UpsertMode
    only_if: Filter | None

    @property
    def is_repeatable(self) -> bool:
        """Whether the same upsert, sent again, writes the same points and says the same."""
        return self.mode is not UpsertMode.INSERT_ONLY and self.only_if is None


def upsert_condition(
    schema: CollectionSchema, mode: UpsertMode | str, only_if: FilterLike | None
) -> UpsertCondition | None:
    """Return the condition of these arguments, None when every point is written.

    Raises
    ------
    InvalidArgument
        When there is no such mode, the filter is none or has no condition, or it is given where nothing is
        replaced.
    UnindexedField
        When the filter names a payload field that is not indexed, and the schema is strict.
    """
    try:
        checked = UpsertMode(mode)
    except ValueError as error:
        known = ", ".join(repr(known.value) for known in UpsertMode)
        raise InvalidArgument(f"mode is {mode!r:.80}; expected one of {known}", field="mode") from error
    if only_if is None:
        return None if checked is UpsertMode.UPSERT else UpsertCondition(checked, None)
    if checked is UpsertMode.INSERT_ONLY:
        raise InvalidArgument(
            "only_if says which stored points are replaced, and mode='insert_only' replaces none; leave one "
            "of them out",
            field="only_if",
        )
    return UpsertCondition(checked, conditions(schema, only_if))
