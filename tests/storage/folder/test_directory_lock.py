"""One writer per folder, in this process and among processes."""

import os
import pickle
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from vicinal.storage.errors import CorruptionError, FormatVersionError, LockedError
from vicinal.storage.folder.directory_lock import LOCK_NAME, DirectoryLock

HOLD = """
    import sys
    from vicinal.storage.folder.directory_lock import DirectoryLock
    lock = DirectoryLock(sys.argv[1])
    print("held", flush=True)
    sys.stdin.read()
    """


def holder(folder: Path) -> "subprocess.Popen[str]":
    """Start a process that holds the lock until its standard input is closed."""
    command = [sys.executable, "-c", textwrap.dedent(HOLD), str(folder)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


def test_another_process_is_refused_and_told_the_pid(tmp_path: Path) -> None:
    with holder(tmp_path) as child:
        with pytest.raises(LockedError, match=f"process {child.pid}") as caught:
            DirectoryLock(tmp_path)
        assert caught.value.pid == child.pid
        assert caught.value.path == str(tmp_path)
        child.communicate()
    DirectoryLock(tmp_path).close()


def test_death_releases_the_lock(tmp_path: Path) -> None:
    with holder(tmp_path) as child:
        child.send_signal(signal.SIGKILL)
        child.wait()
        DirectoryLock(tmp_path).close()


def test_the_same_process_is_refused_too(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path)
    with pytest.raises(LockedError, match=rf"this process \({os.getpid()}\) already"):
        DirectoryLock(tmp_path)
    lock.close()
    lock.close()
    with DirectoryLock(tmp_path):
        assert (tmp_path / LOCK_NAME).read_text() == f"{os.getpid()}\n"
    assert (tmp_path / LOCK_NAME).read_text() == ""


def test_reading_the_lock_file_does_not_release_it(tmp_path: Path) -> None:
    with DirectoryLock(tmp_path):
        (tmp_path / LOCK_NAME).read_bytes()
        command = [sys.executable, "-c", textwrap.dedent(HOLD), str(tmp_path)]
        second = subprocess.run(command, input="", capture_output=True, text=True, check=False)
        assert "LockedError" in second.stderr
        assert f"process {os.getpid()}" in second.stderr


def test_children_do_not_inherit_the_lock(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False) as child:
        lock.close()
        DirectoryLock(tmp_path).close()
        child.communicate(b"\n")


def test_a_forked_child_does_not_release_the_lock(tmp_path: Path) -> None:
    code = """
        import os, sys
        from vicinal.storage.folder.directory_lock import DirectoryLock
        from vicinal.storage.errors import LockedError
        lock = DirectoryLock(sys.argv[1])
        child = os.fork()
        if child == 0:
            lock.close()
            sys.exit()
        os.waitpid(child, 0)
        try:
            DirectoryLock(sys.argv[1])
        except LockedError as error:
            print(error.pid == os.getpid())
        """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "True\n"


def test_a_dropped_lock_is_released(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path)
    del lock
    DirectoryLock(tmp_path).close()


def test_a_holder_that_has_not_written_its_pid_is_still_named(tmp_path: Path) -> None:
    with holder(tmp_path) as child:
        os.truncate(tmp_path / LOCK_NAME, 0)
        with pytest.raises(LockedError, match="another process") as caught:
            DirectoryLock(tmp_path)
        assert caught.value.pid is None
        child.communicate()


def test_the_lock_ends_with_the_process_that_took_it_and_not_with_its_children(tmp_path: Path) -> None:
    code = """
        import os, signal, sys
        from vicinal.storage.folder.directory_lock import DirectoryLock
        lock = DirectoryLock(sys.argv[1])
        out, into = os.pipe()
        if os.fork() == 0:
            os.write(into, b"forked")
            sys.stdin.read()
            os._exit(0)
        os.read(out, 6)
        print("forked", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
        """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "forked\n"
        parent.wait()
        DirectoryLock(tmp_path).close()
        assert parent.stdin is not None
        parent.stdin.close()


@pytest.mark.parametrize(
    "error", [LockedError("films", 7), CorruptionError("films", "torn"), FormatVersionError(2, 1)]
)
def test_errors_cross_process_boundaries(error: Exception) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)
