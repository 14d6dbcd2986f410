"""The other end of `peer_process`: gives orders to a client that another interpreter runs."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ....engine.progress import Progress

_PROCESS = Path(__file__).with_name("peer_process.py")
_TICK_SECONDS = 0.1
_LAST_LINES = 20


class PeerFailedError(RuntimeError):
    """A client ended in the middle of its work."""


class PeerMissingError(RuntimeError):
    """The interpreter lacks the client of a server."""


class PeerClient:
    """A client process; a context manager that starts it and stops it.

    Parameters
    ----------
    name : str
        Of the adapter's file in ``peers/``.
    python : str
        Interpreter that has the client.
    vectors, queries : Path
        Files of arrays.
    log : Path
        Where its output goes, answers aside.
    step : callable
        Told what is being waited for.
    """

    def __init__(
        self, name: str, python: str, vectors: Path, queries: Path, log: Path, step: Progress
    ) -> None:
        adapter = _PROCESS.with_name(f"{name}.py")
        self._command = [python, str(_PROCESS), str(adapter), str(vectors), str(queries)]
        self._name, self._log, self._step = name, log, step

    def __enter__(self) -> Self:
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Without orders it ends by itself, unless it was in the middle of one.
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if error is not None:
            self._process.kill()
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def do(self, what: str, stage: str, expected: float = 1.0, **arguments: Any) -> Any:
        """Give an order, show for about how long it is carried out, and return the answer."""
        process, lines = self._process, list[str]()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"do": what, **arguments}) + "\n")
        process.stdin.flush()
        reading = threading.Thread(target=lambda: lines.append(process.stdout.readline()), daemon=True)  # type: ignore[union-attr]
        reading.start()
        began = time.monotonic()
        while reading.is_alive():
            self._step(f"{self._name}: {stage}", min(1.0, (time.monotonic() - began) / expected))
            reading.join(_TICK_SECONDS)
        if not lines[0]:
            told = "\n".join(self._log.read_text(errors="replace").splitlines()[-_LAST_LINES:])
            raise PeerFailedError(f"the client of {self._name} ended in {stage}:\n{told}")
        answer = json.loads(lines[0])
        if "missing" in answer:
            raise PeerMissingError(answer["missing"])
        return answer["answer"]
