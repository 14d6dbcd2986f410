from __future__ import annotations

import errno
import inspect
import pickle
import types
from collections.abc import Iterator

import pytest

import vicinal
from vicinal.engine import errors
from vicinal.engine.error_translation import public, translated
from vicinal.engine.errors import InvalidArgument, VicinalError
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
    (storage_errors.SystemLimitError("ulimit"), errors.ResourceExhausted, "ulimit"),
    (storage_errors.AccessError("mode"), errors.FailedPrecondition, "mode"),
    (OSError(errno.ENOSPC, "No space", "a"), errors.DiskFull, "a: No space: the disk is full: free some"),
    (OSError(errno.EDQUOT, "Quota", "a"), errors.DiskFull, "quota is used up"),
    (OSError(errno.EMFILE, "Too many", "a"), errors.ResourceExhausted, "ulimit -n"),
    (OSError(errno.ENFILE, "Too many", "a"), errors.ResourceExhausted, "fs.file-max"),
    (OSError(errno.ENOMEM, "Cannot allocate", "a"), errors.ResourceExhausted, "vm.max_map_count"),
    (OSError(errno.EACCES, "Permission denied", "a"), errors.FailedPrecondition, "no permission"),
    (OSError(errno.EROFS, "Read-only", "a"), errors.FailedPrecondition, "read_only=True"),
    (OSError(errno.EIO, "Input/output error", "a", None, "b"), errors.Unavailable, "a -> b: Input/output"),
    (OSError(errno.ENOENT, "No such file", "a"), errors.Unavailable, "moved or deleted"),
    (OSError("odd"), errors.Unavailable, "odd: try again"),
    (MemoryError(), errors.ResourceExhausted, "ask for less"),
    (InvalidValueError("ids row 3 is -1", field="ids", row=3), InvalidArgument, "ids row 3"),
]


@pytest.mark.parametrize(("error", "expected", "words"), TRANSLATIONS)
def test_storage_errors_are_translated(error: Exception, expected: type[VicinalError], words: str) -> None:
    with pytest.raises(expected, match=words) as caught, translated():
        raise error
    assert type(caught.value) is expected
    assert caught.value.__cause__ is error


def test_no_storage_error_is_forgotten() -> None:
    tried = {type(error) for error, _, _ in TRANSLATIONS if isinstance(error, StorageError)}
    assert set(classes_of(storage_errors, storage_errors.StorageError)) == tried | {StorageError}


@public
class Reader:
    def method(self, number: int, *, word: str = "") -> int:
        """Read."""
        raise OSError(errno.EIO, word)

    @property
    def size(self) -> int:
        """Its size."""
        raise StorageError("size")

    def __getitem__(self, index: int) -> int:
        raise StorageError("item")

    def __iter__(self) -> Iterator[int]:
        yield 1
        raise StorageError("second")

    def _inner(self) -> None:
        raise StorageError("inner")


def test_whatever_is_public_in_a_class_raises_translated_errors() -> None:
    reader = Reader()
    with pytest.raises(errors.Unavailable, match="words"):
        reader.method(1, word="words")
    with pytest.raises(errors.Unavailable, match="size"):
        _ = reader.size
    with pytest.raises(errors.Unavailable, match="item"):
        _ = reader[0]
    numbers = iter(reader)
    assert next(numbers) == 1
    with pytest.raises(errors.Unavailable, match="second"):
        next(numbers)
    with pytest.raises(StorageError):
        reader._inner()
    assert (Reader.method.__doc__, Reader.size.__doc__) == ("Read.", "Its size.")
    assert str(inspect.signature(Reader.method)) == "(self, number: 'int', *, word: 'str' = '') -> 'int'"


@pytest.mark.parametrize("cls", [vicinal.Database, vicinal.Collection, vicinal.Hits, vicinal.BatchHits])
def test_what_a_caller_is_given_raises_translated_errors(cls: type) -> None:
    bare = [
        name
        for name, member in vars(cls).items()
        if (not name.startswith("_") or name in ("__getitem__", "__iter__"))
        and not isinstance(member, types.MemberDescriptorType)
        and not hasattr(member.fget if isinstance(member, property) else member, "__wrapped__")
    ]
    assert bare == []
    assert hasattr(vicinal.open, "__wrapped__")


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
