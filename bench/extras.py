"""Packages that only the bench needs."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class MissingExtraError(RuntimeError):
    """A package of the extra `bench` is not installed."""


def load_extra(module: str) -> Any:
    """Import a module of an optional package.

    Raises
    ------
    MissingExtraError
        The package is not installed; the message says how to get it.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != package:
            raise
        raise MissingExtraError(f"{package} is not installed; pip install 'vicinal[bench]'") from error
