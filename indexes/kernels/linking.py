"""How functions that only kernels call are compiled: to LLVM code, optimised as a part of the kernel.

Numba would optimise each by itself and emit machine code of it, and do so again in all that call it.
"""

from __future__ import annotations

from typing import Any

from numba.core import compiler, typed_passes
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_machinery import PassManager, register_pass

from . import compiling


class _LinkedLibrary(JITCodeLibrary):  # type: ignore[misc]
    """LLVM code that is only linked into other code."""

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class _LinkedLowering(typed_passes.NativeLowering):  # type: ignore[misc]
    _name = "linked_lowering"

    def run_pass(self, state: Any) -> bool:
        name = state.func_id.func_qualname
        state.library = library = _LinkedLibrary(state.targetctx.codegen(), name)
        state.flags.no_compile = True
        super().run_pass(state)
        # Numba looks up what a call leads to by a builtin function, one for each: any that refuses arguments.
        entry: Any = [].pop
        state["cr"] = state["cr"]._replace(cfunc=entry)
        state.targetctx.insert_user_function(entry, state["cr"].fndesc, [library])
        compiling.step()
        return True


class LinkedCompiler(compiler.CompilerBase):  # type: ignore[misc]
    """Numba's compiler of functions, up to LLVM code."""

    def define_pipelines(self) -> list[PassManager]:
        """Return numba's pipeline with another last step."""
        passes = compiler.DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.passes = [
            (_LinkedLowering, said) if one is typed_passes.NativeLowering else (one, said)
            for one, said in passes.passes
        ]
        passes.finalize()
        return [passes]
