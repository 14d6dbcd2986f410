"""Compiled kernels on disk, one file each, named by everything that decides their machine code."""

from __future__ import annotations

import hashlib
import pickle
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba.core import config
from numba.core.caching import _Cache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

from . import cache_folder, compiling
from .cache_folder import NoCacheFolder

_MAGIC = b"vicinal kernel 1\n"
_DIGEST_BYTES = 32
_OPTIONS = ("OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "BOUNDSCHECK", "ENABLE_AVX", "LLVM_REFPRUNE_PASS")
_FOLDER = Path(__file__).parent
# `from .module import ...` and `from . import module, module`: to parse all files takes longer than a search.
_IMPORT = re.compile(r"^[ ]*from [.](?:(\w+) import|[ ]?import ([\w, ]+)$)", re.MULTILINE)
_warned = False


@cache
def sources_digest(module: str) -> str:
    """Return a digest of a file of this folder and all those that it imports, directly or through others.

    A kernel calls into other files than its own; what it cannot reach may change without compiling it anew.
    """
    digest = hashlib.sha256()
    for name in sorted(_reached(module)):
        digest.update((_FOLDER / f"{name}.py").read_bytes())
    return digest.hexdigest()


def _reached(module: str) -> set[str]:
    found, waiting = set[str](), [module]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _imported(name)
    return found


@cache
def _imported(module: str) -> tuple[str, ...]:
    """Return the files of this folder that one of them imports."""
    found = _IMPORT.findall((_FOLDER / f"{module}.py").read_text())
    return tuple(name for named, listed in found for name in ([named] if named else listed.split(", ")))


class KernelCache(_Cache):  # type: ignore[misc]
    """Where numba looks for a kernel before it compiles it, and puts it afterwards.

    Numba's own cache lies in each environment, believes what it reads, and fails where it cannot write.
    """

    def __init__(self, kernel: str, module: str, functions: int) -> None:
        self._kernel = kernel
        self._module = module
        self._functions = functions
        self._enabled = True

    @property
    def cache_path(self) -> str | None:
        """The folder, None where there is none."""
        try:
            return str(cache_folder.place())
        except NoCacheFolder:
            return None

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled kernel if a sound one is kept."""
        target_context.refresh()
        try:
            content = cache_folder.read(self._name(sig, target_context.codegen())) if self._enabled else None
        except NoCacheFolder as error:
            content = None
            _warn_once(error)
        found = None if content is None else _rebuilt(content, target_context)
        if content is not None and found is None:
            compiling.logger.warning("the kept kernel %r is damaged and is compiled anew", self._kernel)
        if found is None:
            compiling.begin(self._kernel, self._functions)
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep what was compiled; where that fails, it is compiled for this process alone."""
        compiling.end()
        if not self._enabled:
            return
        try:
            cache_folder.write(self._name(sig, data.codegen), framed(dumps(data._reduce())))
        except NoCacheFolder as error:
            _warn_once(error)

    def enable(self) -> None:
        """Use the folder."""
        self._enabled = True

    def disable(self) -> None:
        """Leave the folder alone."""
        self._enabled = False

    def flush(self) -> None:
        """Do nothing: a file is valid as long as its name is."""

    def _name(self, signature: Any, codegen: Any) -> str:
        return name_of(self._kernel, sources_digest(self._module), signature, codegen)


def name_of(kept: str, sources: str, signature: Any, codegen: Any) -> str:
    """Return a file's name, which says all that decides what is kept in it."""
    decides = (
        sources,
        numba.__version__,
        llvmlite.__version__,
        sys.implementation.cache_tag,
        codegen.magic_tuple(),
        [(name, getattr(config, name, None)) for name in _OPTIONS],
        signature,
    )
    digest = hashlib.sha256(repr(decides).encode()).hexdigest()
    return f"{kept.replace(' ', '-')}-{digest[:32]}"


def framed(payload: bytes) -> bytes:
    """Return the content of a file that keeps bytes."""
    return _MAGIC + hashlib.sha256(payload).digest() + payload


def unframed(content: bytes) -> bytes | None:
    """Return the bytes that a file keeps, None if it is not whole."""
    payload = content[len(_MAGIC) + _DIGEST_BYTES :]
    return payload if content == framed(payload) else None


def _rebuilt(content: bytes, target_context: Any) -> Any:
    """Return what was kept, None if it is not whole or this numba cannot read it."""
    payload = unframed(content)
    if payload is None:
        return None
    try:
        return CompileResult._rebuild(target_context, *pickle.loads(payload))
    except Exception as error:
        compiling.logger.warning("a kept kernel cannot be read: %r", error)
        return None


def _warn_once(error: NoCacheFolder) -> None:
    global _warned
    if not _warned:
        _warned = True
        compiling.logger.warning(
            "compiled search kernels cannot be kept, so each process compiles them again (%s); "
            "XDG_CACHE_HOME or NUMBA_CACHE_DIR can name another folder",
            error,
        )
