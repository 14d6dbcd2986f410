"""Libraries that are installed by extras, loaded when they are used; and who speaks Arrow."""

from __future__ import annotations

import importlib
import sys
from typing import Any, Protocol

from ..invalid_value import InvalidValueError

_EXTRAS = {"pyarrow": "vicinal[data]", "h5py": "vicinal[data]"}


class ArrowStream(Protocol):
    """What gives itself by the Arrow PyCapsule protocol: frames and their columns."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return a capsule of an ArrowArrayStream."""


def optional_library(name: str, needed_for: str) -> Any:
    """Import a module that vicinal does without, or say how to install it.

    Raises
    ------
    InvalidValueError
        When it is not installed; ``field`` is the name of the library.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        message = (
            f"{needed_for} needs {package}, which is not installed: "
            f'pip install "{_EXTRAS.get(package, package)}"'
        )
        raise InvalidValueError(message, field=package) from error


def speaks_arrow(value: Any) -> bool:
    """Return whether a value gives itself by the Arrow PyCapsule protocol: a frame, a column of one."""
    return hasattr(value, "__arrow_c_stream__") or hasattr(value, "__arrow_c_array__")


def is_pandas(value: Any, kind: str) -> bool:
    """Return whether a value is of the class of pandas named ``kind``; pandas is not loaded for that."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, getattr(pandas, kind))
