"""`vicinal serve` with workers: no process outlives it, and nobody takes its port or its folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from serving.running_workers import is_alive, parts_of
from serving.served_process import ServedProcess
from waiting import wait_until


def private_folder(process: ServedProcess) -> Path:
    """Return where the processes of a server meet."""
    writer = parts_of(process.pid)["writer"]
    for line in Path(f"/proc/{writer}/maps").read_text().splitlines():
        if line.endswith("/tallies"):
            return Path(line.split()[-1]).parent
    raise AssertionError("the writer has no such file mapped")


def test_no_process_outlives_its_supervisor(tmp_path: Path) -> None:
    process = ServedProcess(tmp_path / "db", tmp_path / "log", workers=2)
    try:
        parts, folder = parts_of(process.pid), private_folder(process)
        assert set(parts) == {"writer", "worker-1", "worker-2"}
        assert folder.stat().st_mode & 0o777 == 0o700
        loaded = Path(f"/proc/{process.pid}/maps").read_text()
        assert "cygrpc" not in loaded
        assert "cygrpc" in Path(f"/proc/{parts['writer']}/maps").read_text()
        process.kill()
        wait_until(lambda: not any(map(is_alive, parts.values())))
        wait_until(lambda: not folder.exists())
    finally:
        process.discard()
    # And nothing is left that would keep the next one out.
    again = ServedProcess(tmp_path / "db", tmp_path / "log", process.port, workers=1)
    try:
        parts, folder = parts_of(again.pid), private_folder(again)
        refuse_seconds(tmp_path, again.port)
        assert again.stop() == 0, again.complaints()
        assert not any(map(is_alive, parts.values()))
        assert not folder.exists()
    finally:
        again.discard()


def refuse_seconds(tmp_path: Path, port: int) -> None:
    """Assert that neither the port of a server nor its folder is shared with another one."""
    for folder, wanted, workers, words in [
        ("other", port, 1, f"cannot listen on 127.0.0.1:{port}: Address already in use"),
        ("other", port, 0, f"cannot listen on 127.0.0.1:{port}: Address already in use"),
        ("db", 0, 1, "is open for writing by process"),
    ]:
        command = [sys.executable, "-m", "vicinal", "serve", tmp_path / folder]
        command += ["--port", str(wanted), "--workers", str(workers)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 1
        assert words in done.stderr
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(("workers", "words"), [(-1, "expected 0 to 256"), (257, "expected 0 to 256")])
def test_a_number_of_workers_that_cannot_be(tmp_path: Path, workers: int, words: str) -> None:
    command = [sys.executable, "-m", "vicinal", "serve", tmp_path / "db", "--workers", str(workers)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2
    assert words in done.stderr
    assert not (tmp_path / "db").exists()
