"""Compiled kernels are kept for the user, are believed only when they are sound, and are not needed."""

from __future__ import annotations

import ast
import contextlib
import os
import pty
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from vicinal.indexes.kernels import cache_folder
from vicinal.indexes.kernels.cache_folder import MOST_FILES, NoCacheFolder

# The kernel that compiles fastest.
PROGRAM = """
import logging, sys
import numpy as np
logging.basicConfig(level="INFO", format="%(name)s %(levelname)s %(message)s", stream=sys.stdout)
from vicinal.indexes.exact.sparse import SparseScan
from vicinal.indexes.rows.sparse import SparseRows
rows = SparseRows(np.array([0, 1]), np.zeros(1, np.uint32), np.ones(1, np.float32))
for _ in range(2):
    print("found", SparseScan(rows).search(rows, 1).rows.tolist())
"""


def search(cache: Path, **environment: str) -> list[str]:
    """Search in another process and return what it said."""
    kept_apart = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**kept_apart, "XDG_CACHE_HOME": str(cache), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line for line in lines if line.startswith("found")] == ["found [[0]]"] * 2
    assert done.stderr == ""
    return [line for line in lines if not line.startswith("found")]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a cache folder with one kernel."""
    folder = tmp_path_factory.mktemp("cache")
    said = search(folder)
    assert said[0].startswith("vicinal.kernels INFO compiling the kernel 'sparse scan'")
    assert said[1].startswith("vicinal.kernels INFO compiled the kernel 'sparse scan' in ")
    return folder


def the_kernel(cache: Path) -> Path:
    """Return the only file of a cache folder."""
    [kernel] = (cache / "vicinal" / "kernels").iterdir()
    return kernel


def test_a_second_process_compiles_nothing(filled: Path) -> None:
    assert search(filled) == []
    for folder in (filled / "vicinal", filled / "vicinal" / "kernels"):
        assert folder.stat().st_mode & 0o777 == 0o700
    assert the_kernel(filled).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content[:-100] + bytes([content[-100] ^ 1]) + content[-99:],
        lambda content: os.urandom(len(content)),
        lambda content: content.replace(b"vicinal kernel 1", b"vicinal kernel 0", 1),
    ],
    ids=["empty", "cut", "flipped", "garbage", "other-version"],
)
def test_a_damaged_kernel_is_not_believed(
    filled: Path, monkeypatch: pytest.MonkeyPatch, damage: object
) -> None:
    assert callable(damage)
    from numba.core.registry import cpu_target

    from vicinal.indexes.kernels.kernel_cache import _rebuilt

    monkeypatch.setattr("numba.core.compiler.CompileResult._rebuild", lambda *_: "believed")
    content = the_kernel(filled).read_bytes()
    assert _rebuilt(content, cpu_target.target_context) == "believed"
    assert _rebuilt(damage(content), cpu_target.target_context) is None


def test_a_damaged_kernel_is_made_anew(filled: Path) -> None:
    kernel = the_kernel(filled)
    sound = kernel.read_bytes()
    kernel.write_bytes(sound[:-1])
    said = search(filled)
    assert said[0] == "vicinal.kernels WARNING the kept kernel 'sparse scan' is damaged and is compiled anew"
    assert len(kernel.read_bytes()) == len(sound)
    assert search(filled) == []


@pytest.mark.parametrize("why", ["no folder can be made", "others may write"])
def test_search_works_where_nothing_can_be_kept(tmp_path: Path, why: str) -> None:
    if why == "no folder can be made":
        (tmp_path / "vicinal").write_text("a file in the way")
    else:
        folder = tmp_path / "vicinal" / "kernels"
        folder.mkdir(parents=True)
        folder.chmod(0o777)
    said = search(tmp_path)
    warnings = [line for line in said if "WARNING" in line]
    assert len(warnings) == 1
    assert "compiled search kernels cannot be kept, so each process compiles them again" in warnings[0]
    assert not list(tmp_path.glob("vicinal/kernels/*"))


def test_numba_cache_dir_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder.place() == tmp_path / "xdg" / "vicinal" / "kernels"
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "numba"))
    assert cache_folder.place() == tmp_path / "numba" / "vicinal" / "kernels"


def test_a_folder_of_someone_else_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    cache_folder.write("one", b"code")
    assert cache_folder.read("one") == b"code"
    another = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: another)
    with pytest.raises(NoCacheFolder, match="belongs to user"):
        cache_folder.read("one")
    with pytest.raises(NoCacheFolder, match="belongs to user"):
        cache_folder.write("two", b"code")


def test_the_longest_unused_and_the_abandoned_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    cache_folder.write("first", b"code")
    folder = cache_folder.place()
    for i in range(MOST_FILES):
        (folder / f"file-{i:03}").write_bytes(b"x")
        os.utime(folder / f"file-{i:03}", (1_000_000 + i, 1_000_000 + i))
    (folder / ".tmp-left").write_bytes(b"x")
    os.utime(folder / ".tmp-left", (1_000_000, 1_000_000))
    cache_folder.write("last", b"code")
    names = {path.name for path in folder.iterdir()}
    assert names == {"first", "last"} | {f"file-{i:03}" for i in range(2, MOST_FILES)}
    assert cache_folder.usage()[0] == MOST_FILES


def test_a_first_compilation_is_shown_in_a_terminal(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    started = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    # Linux ends a terminal that nobody holds with an error.
    with contextlib.suppress(OSError):
        while part := os.read(ours, 65_536):
            shown += part
    os.close(ours)
    assert started.wait() == 0
    first, *steps = re.split(r"[\r\n]+", shown.decode().strip())
    assert first == "vicinal compiles its search kernels, once for this processor:"
    progress = [re.fullmatch(r"  sparse scan: (\d+) of (\d+) functions, \d+\.\d s", step) for step in steps]
    counts = [(int(one[1]), int(one[2])) for one in progress if one is not None]
    total = counts[-1][1]
    assert len(counts) == len(steps)
    assert counts == [(done, total) for done in range(total + 1)]


def test_readers_see_whole_files_while_others_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    contents = [bytes([i]) * (1 << 18) for i in range(4)]
    cache_folder.write("kernel", contents[0])
    with ThreadPoolExecutor(4) as pool:
        writes = [pool.submit(cache_folder.write, "kernel", content) for content in contents * 10]
        while not all(write.done() for write in writes):
            assert cache_folder.read("kernel") in contents
        for write in writes:
            write.result()
    assert cache_folder.usage() == (1, 1 << 18)


def test_a_kernel_is_compiled_anew_when_what_it_reaches_changes() -> None:
    from vicinal.indexes.kernels.kernel_cache import _reached

    reached = _reached("walk")
    assert {"walk", "kernel", "linking", "kernel_cache", "codes", "code_distances", "vectors"} <= reached
    assert not {"seismic", "windows", "maxsim"} & reached


@pytest.mark.parametrize(
    "path", sorted(Path(cache_folder.__file__).parent.glob("*.py")), ids=lambda path: path.stem
)
def test_no_import_of_a_kernel_is_overlooked(path: Path) -> None:
    from vicinal.indexes.kernels.kernel_cache import _imported

    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    named = [
        [node.module] if node.module else [alias.name for alias in node.names] for node in nodes if node.level
    ]
    assert sorted(_imported(path.stem)) == sorted(name for names in named for name in names)


@pytest.mark.parametrize(
    "path", sorted(Path(cache_folder.__file__).parent.glob("*.py")), ids=lambda path: path.stem
)
def test_no_kernel_copies_an_array_by_a_slice(path: Path) -> None:
    """Numba would compile the words of an error about shapes: a quarter of what a first search compiles."""
    copied = [
        ast.unparse(node)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Assign)
        and any(isinstance(part, ast.Slice) for target in node.targets for part in ast.walk(target))
        and not isinstance(node.value, ast.Constant)
        and not (isinstance(node.value, ast.Name) and node.value.id.isupper())
    ]
    assert copied == []
