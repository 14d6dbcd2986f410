"""What the CPU that kernels are compiled for can do.

A vector instruction the CPU lacks aborts the process while it compiles, so forms are chosen here, in Python,
from the same description of the CPU that numba hands to LLVM.
"""

from __future__ import annotations

import platform

import llvmlite.binding as llvm
from numba.core import config
from numba.core.codegen import get_host_cpu_features


def enabled_features() -> frozenset[str]:
    """Return the CPU features numba compiles for, honouring ``NUMBA_CPU_FEATURES``."""
    listed = config.CPU_FEATURES if config.CPU_FEATURES is not None else get_host_cpu_features()
    return frozenset(name[1:] for name in listed.split(",") if name.startswith("+"))


_FEATURES = enabled_features()
IS_X86 = platform.machine().lower() in ("x86_64", "amd64")
HAS_VNNI = IS_X86 and {"avx512f", "avx512bw", "avx512vl", "avx512vnni"} <= _FEATURES
HAS_AVX2 = IS_X86 and "avx2" in _FEATURES
# Elsewhere than on x86 these belong to the base instruction set.
HAS_FMA = not IS_X86 or "fma" in _FEATURES
HAS_HALF_CONVERSION = not IS_X86 or "f16c" in _FEATURES
LLVM_MAJOR: int = llvm.llvm_version_info[0]
