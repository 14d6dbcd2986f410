"""``vicinal serve`` as a process of its own, so that a crash or a leak is seen from outside."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LISTENING = re.compile(r"listening on \S*?:(\d+)")


class ServedProcess:
    """A running ``vicinal serve``.

    Attributes
    ----------
    port : int
        Where it listens.
    """

    def __init__(
        self, folder: Path, log: Path, port: int = 0, options: tuple[str, ...] = (), workers: int = 0
    ) -> None:
        self._log = log
        command = [sys.executable, "-m", "vicinal", "serve", str(folder), "--port", str(port)]
        command += ["--workers", str(workers), *options]
        with open(log, "ab") as complaints:
            self._process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=complaints, text=True, encoding="utf-8"
            )
        assert self._process.stdout is not None
        said = []
        for line in self._process.stdout:
            said.append(line)
            found = _LISTENING.search(line)
            if found:
                self.port = int(found[1])
                return
        self._process.wait()
        raise AssertionError(f"vicinal serve said {said} and ended:\n{self.complaints()}")

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    @property
    def resident_bytes(self) -> int:
        """Memory it holds now, 0 where the system does not tell."""
        return self._status("VmRSS")

    @property
    def most_resident_bytes(self) -> int:
        """The most memory it ever held, 0 where the system does not tell."""
        return self._status("VmHWM")

    def complaints(self) -> str:
        """Return the end of what it logged."""
        return self._log.read_text(errors="replace")[-8000:]

    def kill(self) -> None:
        """End it as kill -9 does."""
        self._process.kill()
        self._reap()
        assert self._process.returncode == -9, self.complaints()

    def stop(self) -> int:
        """Ask it to stop; return its exit code."""
        self._process.terminate()
        self._process.wait(timeout=60)
        self._reap()
        return self._process.returncode

    def discard(self) -> None:
        """End it if it still runs, whatever became of it."""
        self._process.kill()
        self._reap()

    def _reap(self) -> None:
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _status(self, name: str) -> int:
        path = Path(f"/proc/{self._process.pid}/status")
        if not path.exists():
            return 0
        text = path.read_text()
        found = re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)
        assert found is not None
        return int(found[1]) << 10


@contextmanager
def served_process(
    folder: Path, log: Path, options: tuple[str, ...] = (), workers: int = 0
) -> Iterator[ServedProcess]:
    """Serve a folder from another process until the block ends; it must then stop when asked."""
    process = ServedProcess(folder, log, options=options, workers=workers)
    try:
        yield process
        assert process.stop() == 0, process.complaints()
    finally:
        process.discard()
