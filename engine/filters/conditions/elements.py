"""The objects in the lists of one payload field of some rows: a column of each of their fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..expression import And, AtLeast, Filter, Not, Or, leaves
from ..paths import reader
from .columns import MOST_ROWS, FieldColumn, Rows, Test, column_test
from .scanned import HasElement, Scanned, places_of

Tests = Mapping[Scanned, Test]


@dataclass(frozen=True, slots=True)
class ElementColumn:
    """A field of the objects in the lists of n rows. Immutable.

    Attributes
    ----------
    owners : (e,) uint16
        The row of each object, ascending.
    column : FieldColumn or None
        The values of the field in the objects, numbered as in ``owners``; None where they are too many.
    """

    owners: Rows
    column: FieldColumn | None

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return int(self.owners.nbytes) + (0 if self.column is None else self.column.nbytes)


def element_columns(found: Sequence[Any], fields: Sequence[str]) -> list[ElementColumn]:
    """Return the columns of some fields of the objects in what ``paths.reader`` found in each payload."""
    owners: list[int] = []
    elements: list[Mapping[str, Any]] = []
    for row, value in enumerate(found):
        for place in places_of(value):
            if isinstance(place, list):
                objects = [element for element in place if isinstance(element, Mapping)]
                elements += objects
                owners += [row] * len(objects)
    if len(elements) > MOST_ROWS:
        return [ElementColumn(np.empty(0, np.uint16), None) for _ in fields]
    rows = np.array(owners, np.uint16)
    return [ElementColumn(rows, FieldColumn(list(map(reader(field), elements)))) for field in fields]


def element_fields(condition: HasElement) -> list[str]:
    """Return the fields of objects that a condition asks for."""
    return list(dict.fromkeys(leaf.key for leaf in leaves(condition.clause) if isinstance(leaf, Scanned)))


def element_tests(condition: HasElement) -> Tests | None:
    """Return what finds the objects for each condition on one; None where a column does not tell."""
    tests = {leaf: column_test(leaf) for leaf in leaves(condition.clause) if isinstance(leaf, Scanned)}
    known = {leaf: test for leaf, test in tests.items() if test is not None}
    return known if known and len(known) == len(tests) else None


def rows_with_element(
    condition: HasElement, tests: Tests, columns: Mapping[str, ElementColumn]
) -> Rows | None:
    """Return the rows of which an object satisfies a condition, perhaps twice; None where they are too many.

    Parameters
    ----------
    condition : HasElement
    tests : mapping
        As :func:`element_tests` returned it.
    columns : mapping
        Those of :func:`element_fields`, of the same rows.
    """
    by_field: dict[str, FieldColumn] = {}
    owners = np.empty(0, np.uint16)
    for field, each in columns.items():
        if each.column is None:
            return None
        owners, by_field[field] = each.owners, each.column
    found: Rows = owners[_holds(condition.clause, tests, by_field, len(owners))]
    return found


def _holds(expression: Filter, tests: Tests, columns: Mapping[str, FieldColumn], n: int) -> NDArray[np.bool_]:
    match expression:
        case And(clauses):
            every = np.ones(n, np.bool_)
            for clause in clauses:
                every &= _holds(clause, tests, columns, n)
            return every
        case Or(clauses):
            any_of = np.zeros(n, np.bool_)
            for clause in clauses:
                any_of |= _holds(clause, tests, columns, n)
            return any_of
        case AtLeast(clauses, count):
            holding = np.zeros(n, np.int64)
            for clause in clauses:
                holding += _holds(clause, tests, columns, n)
            return holding >= count
        case Not(clause):
            return ~_holds(clause, tests, columns, n)
        case Scanned():
            found = np.zeros(n, np.bool_)
            found[tests[expression](columns[expression.key], np.arange(n, dtype=np.uint16))] = True
            return found
    raise AssertionError(f"{type(expression).__name__} is no condition")
