"""The signatures that a warm-up had kernels compiled for, so that the next one loads them without a use."""

from __future__ import annotations

import hashlib
import pickle
from importlib import import_module
from pathlib import Path
from typing import Any

from numba.core.registry import cpu_target

from . import cache_folder
from .cache_folder import NoCacheFolder
from .kernel import entry_points
from .kernel_cache import framed, name_of, unframed

_SOURCES = Path(__file__).parent.parent


def load_known() -> bool:
    """Load every kernel that a warm-up by the same sources used; return whether there was one."""
    try:
        content = cache_folder.read(_name())
    except NoCacheFolder:
        return False
    payload = None if content is None else unframed(content)
    if payload is None:
        return False
    for module, name, signature in pickle.loads(payload):
        getattr(import_module(module), name).compile(signature)
    return True


def keep_known() -> None:
    """Keep which kernels were used; where that fails, the next warm-up uses them again."""
    known = [
        (kernel.py_func.__module__, kernel.py_func.__name__, signature)
        for kernel in entry_points
        for signature in kernel.signatures
    ]
    try:
        cache_folder.write(_name(), framed(pickle.dumps(known)))
    except NoCacheFolder:
        return


def _name() -> str:
    # Which signatures come up is decided by whatever calls kernels.
    digest = hashlib.sha256()
    for path in sorted(_SOURCES.rglob("*.py")):
        digest.update(path.read_bytes())
    target: Any = cpu_target.target_context
    return name_of("signatures", digest.hexdigest(), None, target.codegen())
