"""The rules of ARCHITECTURE.md, executed."""

from __future__ import annotations

import ast
import fnmatch
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections import Counter
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import vicinal
from vicinal.engine import errors

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGE_DIRS: dict[str, str] = PROJECT["tool"]["setuptools"]["package-dir"]

# Which folders each folder may import.
MAY_IMPORT = {
    "vicinal": {"engine", "indexes", "storage", "server"},
    # Imported by tests alone: here, and where others write an index or a store.
    "vicinal/testing": {"testing", "indexes", "storage"},
    "engine": {"indexes", "storage"},
    "indexes": set[str](),
    "storage": set[str](),
    # What is generated names its own package in full.
    "proto": {"proto"},
    "server": {"engine", "indexes", "storage", "proto"},
    "bench": {"engine", "indexes", "storage", "server", "proto", "vicinal"},
}
TOP_FOLDERS = [folder for folder in MAY_IMPORT if "/" not in folder]
TOP_LEVEL = {
    *TOP_FOLDERS,
    "tests",
    "docs",
    "pyproject.toml",
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Dockerfile",
    "compose.yaml",
    "LICENSE",
    "Makefile",
    ".ci",
    ".dockerignore",
    ".gitignore",
}
# What lies in a folder, from the lowest to the highest: each imports only what stands before it.
ORDER = {
    "engine": (
        *(
            "errors",
            "release",
            "error_translation",
            "deadline",
            "progress",
            "handoff",
            "text",
            "schema",
            "results",
        ),
        *("tenants", "vector_kinds", "vocabulary", "filters", "input", "segments", "search"),
        *("audit", "state"),
        "writing",
        *(
            "maintenance",
            "hosts",
            "api",
            "async_api",
            "columnar_collection",
            "collection_tenants",
            "counting",
            "tended_collection",
            "changed_collection",
            "collection",
        ),
        *("database", "opening"),
    ),
    "engine/segments": (
        "missing",
        "bitmaps",
        "value_counts",
        "text_search",
        "column_budget",
        "payload_columns",
        "allowed",
        "value_rows",
        "filtering",
        "content",
        "view",
        "granted",
        "growing",
        "sealed",
        "snapshot",
        "live_statistics",
        "sizes",
    ),
    "indexes": (
        *(
            "kernels",
            "costs",
            "rows",
            "scratch_pool",
            "protocol",
            "joining",
            "arrays",
            "clustering",
            "product",
            "transforms",
            "codecs",
            "effort",
            "exact",
            "cells",
            "graph",
            "ivf",
            "sparse",
            "seismic",
            "registry",
            "muvera",
            "token_lists",
        ),
        *("measuring", "factory", "warmup"),
    ),
    "indexes/graph": (
        *("knobs", "links", "copies", "scratch", "spreads", "efforts", "growth", "opened", "measuring"),
        *("index", "build", "hnsw"),
    ),
    "storage": (
        *("errors", "system_errors", "durable", "invalid_value", "arrays", "catalog", "folder"),
        *("columns", "arrow"),
        *("lmdb_files", "segments", "memory", "opening", "verify"),
    ),
    "server": ("wire", "files", "service", "client", "cli"),
    "server/service": (
        *(
            "settings",
            "admission",
            "access",
            "transport",
            "watching",
            "calls",
            "handlers",
            "server",
            "workers",
        ),
    ),
    "server/client": (
        *("endpoint", "calls", "operations", "drivers", "core", "remote_tenants"),
        *("async_remote_tenants", "remote_collection", "remote_database"),
        *("async_remote_collection", "async_remote_database", "connecting", "async_connecting"),
    ),
    "bench": (
        *(
            "extras",
            "demo",
            "datasets",
            "harness",
            "peers",
            "kept_peers",
            "sparse_peers",
            "keyword_peers",
            "multi_peers",
            "filtered",
            "filtered_peers",
            "unkind",
            "comparison",
            "report",
            "serving",
            "measure",
            "advice",
            "cli",
        ),
    ),
    "bench/serving": ("load", "peers", "scenes"),
    "bench/measure": (
        *(
            "options",
            "measurement",
            "run",
            "single",
            "first_answer",
            "write",
            "writing",
            "recall",
            "promise",
            "filters",
        ),
        *("limit", "limited_searches", "limited", "disk", "kinds", "tenants", "server"),
    ),
}
# Kernels are one flat folder, whose files together are the key of the cache of compiled ones.
MOST_FILES, FLAT = 14, {"indexes/kernels"}
# The kinds of vectors, told apart in these folders and nowhere else.
KINDS = {f"{kind}{form}" for kind in ("Dense", "Sparse", "Multi") for form in ("", "Column")}
TELL_KINDS_APART = ("engine/vector_kinds/", "indexes/")
REFUSED_NAMES = {"utils", "common", "helpers", "types", "manager", "base"}
MAX_LINES = 360
MOST_LINES_OF_AN_EXAMPLE = 300


def sources(folder: str) -> Iterator[Path]:
    inner = [ROOT / other for other in MAY_IMPORT if other.startswith(f"{folder}/")]
    for path in sorted((ROOT / folder).rglob("*.py")):
        # bench/kernels/ holds suites for pytest-benchmark, which are run from the checkout.
        left_out = "_pb2" in path.name or path.name.startswith("test_")
        if not left_out and not any(path.is_relative_to(other) for other in inner):
            yield path


ALL_SOURCES = [path for folder in MAY_IMPORT for path in sources(folder)]


def imported_folders(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and folder of every import of another part of vicinal."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    package = parts[:-1] if parts[0] != "vicinal" else parts[1:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            home = package[: len(package) - node.level + 1]
            target = [*home, *(node.module or "").split(".")] if node.module else [*home]
            names = target[:1] or [alias.name for alias in node.names]
            yield from ((node.lineno, name) for name in names)
        elif isinstance(node, ast.ImportFrom | ast.Import):
            modules = [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
            for module in modules:
                if module is not None and module.split(".")[0] == "vicinal":
                    yield node.lineno, [*module.split("."), "vicinal"][1]


def module_of(path: Path) -> tuple[str, ...]:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


MODULES = {module_of(path): path for path in ALL_SOURCES}


def imported_modules(path: Path) -> Iterator[tuple[str, ...]]:
    """Yield every module that a file imports relatively, wherever in the file."""
    package = path.relative_to(ROOT).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            home = package[: len(package) - node.level + 1]
            target = home + tuple((node.module or "").split(".") if node.module else ())
            for alias in node.names:
                found = (*target, alias.name) if (*target, alias.name) in MODULES else target
                if found in MODULES and MODULES[found] != path:
                    yield found


@pytest.mark.parametrize("folder", ORDER)
def test_what_lies_in_a_folder_imports_what_stands_before_it(folder: str) -> None:
    top, order = tuple(folder.split("/")), ORDER[folder]
    inside = [(module, path) for module, path in MODULES.items() if module[: len(top)] == top != module]
    assert {module[len(top)] for module, _ in inside} == set(order)
    wrong = []
    for module, path in inside:
        for target in imported_modules(path):
            if target[: len(top)] == top != target:
                here, there = module[len(top)], target[len(top)]
                if order.index(there) > order.index(here):
                    wrong.append(f"{path.relative_to(ROOT)} imports {'/'.join(target)}")
    assert not wrong, "\n".join(wrong)


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {module: set(imported_modules(path)) for module, path in MODULES.items()}
    # CycleError names the circle.
    TopologicalSorter(graph).prepare()


def test_a_folder_holds_few_files() -> None:
    files = Counter(
        path.parent.relative_to(ROOT).as_posix() for path in ALL_SOURCES if path.stem != "__init__"
    )
    crowded = {folder: count for folder, count in files.items() if count > MOST_FILES and folder not in FLAT}
    assert not crowded


def tells_kinds_apart(node: ast.AST) -> bool:
    """Return whether a node is an `isinstance`, a `case` or a comparison by the kind of vectors."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance":
        asked: list[ast.AST] = [node.args[1]]
    elif isinstance(node, ast.MatchClass):
        asked = [node.cls]
    elif isinstance(node, ast.Compare):
        return any(
            isinstance(side, ast.Attribute) and side.attr == "kind" for side in ast.walk(node)
        ) and any(
            isinstance(side, ast.Constant) and side.value in ("dense", "sparse", "multi")
            for side in ast.walk(node)
        )
    else:
        return False
    return any(isinstance(name, ast.Name) and name.id in KINDS for part in asked for name in ast.walk(part))


def test_kinds_of_vectors_are_told_apart_in_one_folder() -> None:
    names = [path.relative_to(ROOT).as_posix() for path in ALL_SOURCES]
    elsewhere = [name for name in names if not name.startswith(TELL_KINDS_APART)]
    wrong = [
        f"{name}: {ast.unparse(node)}"
        for name in elsewhere
        for node in ast.walk(ast.parse((ROOT / name).read_text()))
        if tells_kinds_apart(node)
    ]
    assert not wrong


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_imports_point_down(folder: str) -> None:
    wrong = []
    for path in sources(folder):
        for line, target in imported_folders(path):
            if target != folder and target not in MAY_IMPORT[folder]:
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {target}/")
    assert not wrong, "\n".join(wrong)


def test_parts_import_each_other_by_relative_imports() -> None:
    wrong = []
    for path in ALL_SOURCES:
        absolute = re.findall(r"^\s*(?:from|import) vicinal\b.*", path.read_text(), flags=re.MULTILINE)
        if path.relative_to(ROOT).parts[0] in {"engine", "indexes", "storage", "server"}:
            wrong += [f"{path.relative_to(ROOT)}: {line.strip()}" for line in absolute]
    assert not wrong, "\n".join(wrong)


def test_listed_packages_are_the_folders_with_code() -> None:
    found = {
        path.parent.relative_to(ROOT).as_posix().removeprefix("vicinal/")
        for folder in TOP_FOLDERS
        for path in (ROOT / folder).rglob("__init__.py")
    }
    listed = PROJECT["tool"]["setuptools"]["packages"]
    assert len(listed) == len(set(listed))
    assert {name.removeprefix("vicinal.").replace(".", "/") for name in listed} == found
    # A nested folder is found through its parent.
    assert {"vicinal" if top == "vicinal" else f"vicinal.{top}": top for top in TOP_FOLDERS} == PACKAGE_DIRS


def test_every_folder_with_code_is_a_package() -> None:
    bare = {path.parent for path in ALL_SOURCES if not (path.parent / "__init__.py").exists()}
    assert not bare


def test_wheel_holds_every_package_and_the_sample(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    for name in ["pyproject.toml", "README.md", "LICENSE"]:
        shutil.copy(ROOT / name, tree)
    for folder in TOP_FOLDERS:
        shutil.copytree(ROOT / folder, tree / folder, ignore=shutil.ignore_patterns("__pycache__"))
    script = "from setuptools.build_meta import build_wheel; print(build_wheel('..'))"
    built = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], cwd=tree, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    with zipfile.ZipFile(tmp_path / built.stdout.split()[-1]) as wheel:
        packed = set(wheel.namelist())
    expected = set()
    for path in ALL_SOURCES:
        parts = path.relative_to(ROOT).parts
        expected.add("/".join(parts if parts[0] == "vicinal" else ("vicinal", *parts)))
    assert expected <= packed
    for path in (ROOT / "bench" / "sample").iterdir():
        assert f"vicinal/bench/sample/{path.name}" in packed
    assert {name.split("/")[0].split("-")[0] for name in packed} == {"vicinal"}


def test_top_level_holds_what_it_should() -> None:
    ignored = [line.rstrip("/") for line in (ROOT / ".gitignore").read_text().split()] + [".git"]
    found = {
        entry.name
        for entry in ROOT.iterdir()
        if not any(fnmatch.fnmatch(entry.name, pattern) for pattern in ignored)
    }
    assert found == TOP_LEVEL


@pytest.mark.parametrize("path", ALL_SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_module_is_small_and_named_after_one_thing(path: Path) -> None:
    assert path.stem not in REFUSED_NAMES
    assert path.parent.name not in REFUSED_NAMES
    assert len(path.read_text().splitlines()) <= MAX_LINES


@pytest.mark.parametrize(
    "path", sorted((ROOT / "docs" / "examples").glob("*.py")), ids=lambda path: path.name
)
def test_an_example_is_one_short_file_over_the_front_door(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) < MOST_LINES_OF_AN_EXAMPLE
    for node in ast.walk(ast.parse(text)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
        assert not [name for name in [*names, module] if name.startswith(("vicinal.", "."))]


def test_importing_vicinal_is_quick_and_loads_no_compiler() -> None:
    script = (
        "import sys, time; start = time.perf_counter(); import vicinal; "
        "print(time.perf_counter() - start, *{'numba', 'grpc', 'numpy', 'lmdb'}.intersection(sys.modules))"
    )
    runs = []
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        seconds, *loaded = done.stdout.split()
        assert loaded == []
        runs.append(float(seconds))
    assert min(runs) < 0.1


def test_front_door_names_everything_once() -> None:
    tree = ast.parse((ROOT / "vicinal" / "__init__.py").read_text())
    typed = {
        alias.name: (node.module or "")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level == 1
        for alias in node.names
    }
    assert typed == vicinal._HOME
    assert sorted(vicinal.__all__) == sorted(vicinal._HOME)
    for name in vicinal.__all__:
        assert getattr(vicinal, name) is not None
    assert set(vicinal.__all__) <= set(dir(vicinal))


def test_front_door_has_every_error() -> None:
    public = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.VicinalError)
    }
    assert public <= set(vicinal.__all__)


def test_front_door_refuses_other_names() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = vicinal.no_such_name


def test_every_folder_is_on_the_map() -> None:
    _, text = (ROOT / "ARCHITECTURE.md").read_text().split("## Code map\n")
    mapped: dict[str, set[str]] = {}
    top = ""
    for line in re.findall(r"^    (.*)", text, flags=re.MULTILINE):
        top = top if line.startswith(" ") else line.split("/")[0]
        mapped.setdefault(top, set()).update(re.findall(r"(\w+)/", line))
    packages = [package.split(".")[1:] for package in PROJECT["tool"]["setuptools"]["packages"][1:]]
    missing = [one for one in packages if one[-1] not in mapped.get(one[0], mapped["vicinal"])]
    assert not missing


def test_paths_in_architecture_exist() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    named = set(re.findall(r"`([\w./-]+(?:/|\.py|\.md))`", text))
    assert len(named) > 30
    missing = [name for name in sorted(named - {"x/"}) if not os.path.exists(ROOT / name)]
    assert not missing
