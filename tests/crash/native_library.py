"""Compiles the C of a crash test with the system's compiler."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def compile_library(source: Path, folder: Path) -> Path:
    """Compile one C file of this folder to a shared library in ``folder``, for LD_PRELOAD or ctypes."""
    library = folder / source.with_suffix(".so").name
    command = [os.environ.get("CC", "cc"), "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run([*command, "-o", str(library), str(source), "-ldl", "-lpthread"], check=True, timeout=60)
    return library
