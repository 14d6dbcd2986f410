"""Kernels give the same bits whatever instructions the CPU has, and stay within their arrays."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import llvmlite.binding as llvm
import pytest

from vicinal.indexes.kernels import cache_folder, target

PROGRAM = Path(__file__).parent / "kernel_results.py"
PLAIN = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
AVX2 = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma,+f16c,+bmi,+bmi2,+popcnt,+lzcnt"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that all forms share, with what was compiled for this CPU before."""
    folder, compiled = tmp_path_factory.mktemp("kernels"), cache_folder.place()
    if compiled.is_dir():
        shutil.copytree(compiled, folder / "vicinal" / "kernels")
    return folder


def results(folder: Path, forms: list[str], **environment: str) -> str:
    """Run the kernels in another process, and return what they computed."""
    variables = {**os.environ, "NUMBA_CACHE_DIR": str(folder), **environment}
    done = subprocess.run(
        [sys.executable, str(PROGRAM), *forms], env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def native_forms() -> list[str]:
    forms = {"vnni": target.HAS_VNNI, "avx2": target.HAS_AVX2, "half": target.HAS_HALF_CONVERSION}
    return [name for name, on in forms.items() if on]


@pytest.fixture(scope="module")
def native(folder: Path) -> str:
    return results(folder, native_forms())


@pytest.mark.skipif(not target.HAS_AVX2, reason="this CPU lacks AVX2")
def test_avx2_gives_the_same_bits(native: str, folder: Path) -> None:
    assert results(folder, ["avx2", "half"], **AVX2) == native


def test_plain_instructions_give_the_same_bits_and_leave_no_arrays(native: str, folder: Path) -> None:
    """At once: all kernels are compiled for either, and to look at bounds changes no sum."""
    plain = PLAIN if target.IS_X86 else {}
    assert results(folder, [] if plain else native_forms(), **plain, NUMBA_BOUNDSCHECK="1") == native


def test_forms_share_a_cache_without_mixing(native: str, folder: Path) -> None:
    kept = set(folder.rglob("*"))
    assert results(folder, native_forms()) == native
    assert set(folder.rglob("*")) == kept


def test_features_follow_numbas_choice() -> None:
    host = {name for name, on in llvm.get_host_cpu_features().items() if on}
    if "NUMBA_CPU_FEATURES" not in os.environ:
        assert target.enabled_features() <= host
