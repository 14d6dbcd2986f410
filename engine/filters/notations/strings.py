"""Filters as strings, in the manner of SQL.

::

    year >= 1990 AND genre IN ('drama', 'noir') AND NOT plot IS NULL

    any          all {OR all}
    all          one {AND one}
    one          NOT one | ( any ) | condition
    condition    path (= | == | != | <> | < | <= | > | >=) value
                 path [NOT] IN (value, ...)       path [NOT] BETWEEN value AND value
                 path [NOT] LIKE 'a%b_'           path IS [NOT] (NULL | EMPTY | MISSING)
                 values_count(path) (= | ... | >=) number
                 function(...)                    see ``_FUNCTIONS``
    value        'it''s' | 12 | -0.5 | 1e9 | TRUE | FALSE
    path         maker.city | cast[].name | cast[0].name | "in"

Words of the language are read in any case; a path that is one of them, or begins with a digit, is quoted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from ...errors import InvalidArgument, LimitExceeded
from ..expression import TEXT_MATCHES, And, Filter, Match, Or
from ..field import F, at_least, has_id, has_vector
from ..limits import MAX_DEPTH

MAX_LENGTH: Final = 1 << 20
"""Characters of a string."""

_WORDS = frozenset(
    ["AND", "OR", "NOT", "IN", "BETWEEN", "LIKE", "IS", "NULL", "EMPTY", "MISSING", "TRUE", "FALSE"]
)
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number> [+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![A-Za-z0-9_.]))
      | (?P<text> '(?:[^']|'')*')
      | (?P<quoted> "[^"]*")
      | (?P<path> [A-Za-z_](?:[A-Za-z0-9_.-]|\[[0-9]*\])*)
      | (?P<sign> <=|>=|==|!=|<>|[=<>(),\[\]])
      | (?P<end> \Z)
      | (?P<wrong> .)
    )""",
    re.VERBOSE | re.DOTALL,
)
_NUMBER_CHARACTERS = 1000
# What is shown of a string around the place of an error.
_SHOWN = 50
_COMPARED: dict[str, Callable[[F, Any], Filter]] = {
    "=": F.__eq__,
    "==": F.__eq__,
    "!=": F.__ne__,
    "<>": F.__ne__,
    "<": F.__lt__,
    "<=": F.__le__,
    ">": F.__gt__,
    ">=": F.__ge__,
}
_COUNTED: dict[str, Callable[[F, int], Filter]] = {
    "=": lambda field, n: field.values_count(gte=n, lte=n),
    "==": lambda field, n: field.values_count(gte=n, lte=n),
    "!=": lambda field, n: ~field.values_count(gte=n, lte=n),
    "<>": lambda field, n: ~field.values_count(gte=n, lte=n),
    "<": lambda field, n: field.values_count(lte=n - 1),
    "<=": lambda field, n: field.values_count(lte=n),
    ">": lambda field, n: field.values_count(gte=n + 1),
    ">=": lambda field, n: field.values_count(gte=n),
}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int

    @property
    def word(self) -> str:
        """The word of the language or the sign that it is; none of a quoted path or a value."""
        if self.kind == "sign":
            return self.text
        upper = self.text.upper()
        return upper if self.kind == "path" and upper in _WORDS else ""


def filter_from_string(text: str) -> Filter:
    """Return the expression that a string describes.

    Raises
    ------
    InvalidArgument
        When it is none; the message shows the place.
    LimitExceeded
        When it is longer than ``MAX_LENGTH`` or nested too deeply.
    """
    if not isinstance(text, str):
        raise InvalidArgument(f"the filter is {text!r:.80}; pass a string, as 'n > 1'", field="filter")
    if len(text) > MAX_LENGTH:
        raise LimitExceeded(f"the filter has more than {MAX_LENGTH:,} characters", field="filter")
    return _Parser(text).whole()


class _Parser:
    """Reads one string from its beginning to its end."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._depth = 0
        self._token = self._read(0)

    def whole(self) -> Filter:
        """Return the filter that the whole string is."""
        found = self._any()
        if self._token.kind != "end":
            self._refuse("AND, OR or the end")
        return found

    def _any(self) -> Filter:
        clauses = [self._all()]
        while self._taken("OR"):
            clauses.append(self._all())
        return clauses[0] if len(clauses) == 1 else Or(tuple(clauses))

    def _all(self) -> Filter:
        clauses = [self._one()]
        while self._taken("AND"):
            clauses.append(self._one())
        return clauses[0] if len(clauses) == 1 else And(tuple(clauses))

    def _one(self) -> Filter:
        if self._taken("NOT"):
            with self._deeper():
                return ~self._one()
        if self._taken("("):
            with self._deeper():
                found = self._any()
            self._expect(")")
            return found
        return self._condition()

    def _condition(self) -> Filter:
        first = self._token
        if first.kind not in ("path", "quoted") or first.word:
            self._refuse("a path, a function, NOT or (")
        self._next()
        if first.kind == "path" and self._token.word == "(":
            return self._function(first)
        field = self._field(first)
        sign = self._token
        if sign.text in _COMPARED:
            self._next()
            value = self._value()
            with self._placed(first):
                return _COMPARED[sign.text](field, value)
        if self._taken("IS"):
            return self._state(field)
        negated = self._taken("NOT")
        found = self._among(field, first)
        return ~found if negated else found

    def _state(self, field: F) -> Filter:
        negated = self._taken("NOT")
        if self._taken("NULL"):
            found: Filter = field.is_null()
        elif self._taken("EMPTY"):
            found = field.is_empty()
        elif self._taken("MISSING"):
            found = ~field.exists()
        else:
            self._refuse("NULL, EMPTY or MISSING")
        return ~found if negated else found

    def _among(self, field: F, first: _Token) -> Filter:
        if self._taken("IN"):
            closing = "]" if self._taken("[") else ")"
            if closing == ")":
                self._expect("(")
            values = self._several(self._value)
            self._expect(closing)
            with self._placed(first):
                return field.is_in(values)
        if self._taken("BETWEEN"):
            lo = self._value()
            self._expect("AND")
            hi = self._value()
            with self._placed(first):
                return field.between(lo, hi)
        if self._taken("LIKE"):
            return self._like(field)
        self._refuse("a comparison, IN, BETWEEN, LIKE or IS")

    def _like(self, field: F) -> Filter:
        token = self._token
        pattern = self._value()
        if not isinstance(pattern, str):
            self._refuse("a text in '...', in which % is any characters and _ is one", token)
        begins = pattern.removesuffix("%")
        if set(begins) & set("%_\\"):
            return field.like(pattern)
        return Match(field.key, begins) if begins == pattern else field.prefix(begins)

    def _function(self, name: _Token) -> Filter:
        called = name.text.lower()
        if called not in _FUNCTIONS and called != "values_count":
            self._refuse(f"one of the functions {', '.join(sorted([*_FUNCTIONS, 'values_count']))}", name)
        self._expect("(")
        if called == "values_count":
            return self._counted(self._argument("path"))
        kinds, build = _FUNCTIONS[called]
        found: list[Any] = []
        with self._deeper():
            for kind in kinds:
                if found:
                    self._expect(",")
                found.append(self._argument(kind))
        self._expect(")")
        with self._placed(name):
            return build(*found)

    def _counted(self, field: F) -> Filter:
        self._expect(")")
        sign = self._token
        if sign.text not in _COUNTED:
            self._refuse("a comparison")
        self._next()
        return _COUNTED[sign.text](field, self._argument("count"))

    def _argument(self, kind: str) -> Any:
        token = self._token
        match kind:
            case "path":
                if token.kind not in ("path", "quoted") or token.word:
                    self._refuse("a path")
                self._next()
                return self._field(token)
            case "filter":
                return self._any()
            case "filters":
                return self._several(self._any)
            case "values":
                return self._several(self._value)
        value = self._value()
        if kind == "count" and type(value) is not int:
            self._refuse("a whole number", token)
        if kind == "text" and not isinstance(value, str):
            self._refuse("a text in '...'", token)
        return value

    def _several(self, take: Callable[[], Any]) -> list[Any]:
        found = [take()]
        while self._taken(","):
            found.append(take())
        return found

    def _field(self, token: _Token) -> F:
        with self._placed(token):
            return F(token.text[1:-1] if token.kind == "quoted" else token.text)

    def _value(self) -> str | bool | int | float:
        token = self._token
        if token.kind == "text":
            value: str | bool | int | float = token.text[1:-1].replace("''", "'")
        elif token.kind == "number" and len(token.text) <= _NUMBER_CHARACTERS:
            value = float(token.text) if set(token.text) & set(".eE") else int(token.text)
        elif token.word in ("TRUE", "FALSE"):
            value = token.word == "TRUE"
        else:
            self._refuse("a value: 'text', a number, TRUE or FALSE")
        self._next()
        return value

    @contextmanager
    def _deeper(self) -> Iterator[None]:
        self._depth += 1
        # Parentheses may be about what is one level as well.
        if self._depth > 2 * MAX_DEPTH:
            raise LimitExceeded(
                f"the filter is nested too deeply at {self._place(self._token)}", field="filter"
            )
        yield
        self._depth -= 1

    @contextmanager
    def _placed(self, token: _Token) -> Iterator[None]:
        try:
            yield
        except InvalidArgument as error:
            raise InvalidArgument(f"{error}, at {self._place(token)}", field="filter") from error

    def _taken(self, word: str) -> bool:
        if self._token.word != word:
            return False
        self._next()
        return True

    def _expect(self, word: str) -> None:
        if not self._taken(word):
            self._refuse(word)

    def _next(self) -> None:
        self._token = self._read(self._token.at + len(self._token.text))

    def _read(self, start: int) -> _Token:
        found = _TOKEN.match(self._text, start)
        assert found is not None
        assert found.lastgroup is not None
        return _Token(found.lastgroup, found[found.lastgroup], found.start(found.lastgroup))

    def _refuse(self, expected: str, token: _Token | None = None) -> NoReturn:
        token = self._token if token is None else token
        said = f"{token.text!r:.80}" if token.text else "its end"
        message = f"the filter has {said} where {expected} is expected, at {self._place(token)}"
        raise InvalidArgument(message, field="filter")

    def _place(self, token: _Token) -> str:
        """Return the number of a character, and a line of the string with a caret under it."""
        first = max(0, token.at - _SHOWN)
        shown = re.sub(r"\s", " ", self._text[first : token.at + _SHOWN])
        return f"character {token.at + 1}:\n  {shown}\n  {' ' * (token.at - first)}^"


def _pairs(values: list[Any]) -> list[Any]:
    return [values[at : at + 2] for at in range(0, len(values), 2)]


_FUNCTIONS: Final[dict[str, tuple[tuple[str, ...], Callable[..., Filter]]]] = {
    "any_except": (("path", "values"), F.any_except),
    "array_contains": (("path", "value"), F.__eq__),
    "at_least": (("count", "filters"), at_least),
    "exists": (("path",), F.exists),
    "geo_box": (("path", *["value"] * 4), lambda at, top, left, *rest: at.geo_box((top, left), rest)),
    "geo_polygon": (("path", "values"), lambda at, degrees: at.geo_polygon(_pairs(degrees))),
    "geo_radius": (("path", *["value"] * 3), lambda at, lat, lon, radius: at.geo_radius((lat, lon), radius)),
    "has_id": (("values",), has_id),
    "has_vector": (("text",), has_vector),
    "nested": (("path", "filter"), F.nested),
    **{how: (("path", "text"), getattr(F, how)) for how in TEXT_MATCHES if how.upper() not in _WORDS},
}
