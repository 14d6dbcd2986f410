from __future__ import annotations

import inspect
import pickle

import pytest

from vicinal.engine import errors
from vicinal.engine.errors import InvalidArgument, VicinalError, translated
from vicinal.storage import errors as storage_errors
from vicinal.storage.errors import StorageError
from vicinal.storage.invalid_value import InvalidValueError


def classes_of(module: object, base: type[Exception]) -> list[type[Exception]]:
    return [value for value in vars(module).values() if inspect.isclass(value) and issubclass(value, base)]


def test_the_drawing_is_the_hierarchy() -> None:
    assert errors.__doc__ is not None
    drawn: dict[str, str] = {}
    path: list[str] = []
    for line in errors.__doc__.splitlines():
        words = line.replace("├──", "   ").replace("└──", "   ").replace("│", " ").split()
        if not words or not hasattr(errors, words[0]) or not line.startswith("    "):
            continue
        depth = (line.index(words[0]) - 4) // 4
        path = [*path[:depth], words[0]]
        drawn[words[0]] = path[-2] if depth else "Exception"
    actual = {cls.__name__: cls.__base__.__name__ for cls in classes_of(errors, VicinalError) if cls.__base__}
    assert drawn == actual


TRANSLATIONS: list[tuple[Exception, type[VicinalError], str]] = [
    (storage_errors.CorruptionError("x.seg", "bad"), errors.Corruption, "x.seg: bad"),
    (storage_errors.LockedError("films", 4711), errors.LockedByAnotherProcess, "4711"),
    (storage_errors.MapFullError("full"), errors.MapFull, "full"),
    (storage_errors.DiskFullError("full"), errors.DiskFull, "full"),
    (storage_errors.FormatVersionError(9, 1), errors.FormatTooNew, "format 9"),
    (storage_errors.NotADatabaseError("home", "holds letters"), errors.NotADatabase, "home"),
    (storage_errors.ClosedError("closed"), errors.Closed, "closed"),
    (storage_errors.UncertainCommitError("io"), errors.Unavailable, "io"),
    (InvalidValueError("ids row 3 is -1", field="ids", row=3), InvalidArgument, "ids row 3"),
]


@pytest.mark.parametrize(("error", "expected", "words"), TRANSLATIONS)
def test_storage_errors_are_translated(error: Exception, expected: type[VicinalError], words: str) -> None:
    with pytest.raises(expected, match=words) as caught, translated():
        raise error
    assert type(caught.value) is expected
    assert caught.value.__cause__ is error


def test_no_storage_error_is_forgotten() -> None:
    tried = {type(error) for error, _, _ in TRANSLATIONS}
    assert set(classes_of(storage_errors, storage_errors.StorageError)) == (tried | {StorageError}) - {
        InvalidValueError
    }


def test_other_errors_pass_through() -> None:
    with pytest.raises(ZeroDivisionError), translated():
        raise ZeroDivisionError
    with pytest.raises(InvalidArgument, match="ours"), translated():
        raise InvalidArgument("ours")


def test_errors_name_their_field_and_survive_pickling() -> None:
    error = pickle.loads(pickle.dumps(InvalidArgument("message", field="ids", retry_after=0.5)))
    assert (str(error), error.field, error.retry_after) == ("message", "ids", 0.5)
    assert VicinalError("message").field is None
    assert VicinalError("message").retry_after is None
