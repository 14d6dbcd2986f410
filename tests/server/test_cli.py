"""The commands as a user types them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import numpy as np
import orjson
import pyarrow.parquet as pq
import pytest

import vicinal
from vicinal import Dense, F, Multi, Sparse
from vicinal.indexes.kernels import cache_folder
from vicinal.server.cli import main

ROWS, DIM = 300, 8
MATRIX = np.random.default_rng(3).standard_normal((ROWS, DIM)).astype(np.float32)

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command; return its exit code, what it printed, and what it complained."""
    monkeypatch.setenv("COLUMNS", "200")

    def run_command(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as done:
            main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        code = done.value.code
        return (code if isinstance(code, int) else 0), printed.out, printed.err

    return run_command


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """A database with one collection of 300 films."""
    path = tmp_path / "films.vicinal"
    with vicinal.open(path) as db:
        collection = db.create_collection("films", {"plot": Dense(DIM)}, fields={"year": "integer"})
        payloads = [{"year": 1990 + i % 30, "title": f"film {i}", "tags": ["a", "b"]} for i in range(ROWS)]
        collection.upsert(range(ROWS), {"plot": MATRIX}, payloads)
        collection.flush()
        collection.upsert([7], {"plot": MATRIX[7:8]}, [{"year": 2024}])
    return path


def test_version(run: Run) -> None:
    assert run("--version")[:2] == run("version")[:2] == (0, f"vicinal {metadata.version('vicinal')}\n")


def test_help_lists_every_command(run: Run) -> None:
    code, out, _ = run("--help")
    assert code == 0
    for command in ["info", "check", "import", "export", "warmup", "version", "bench", "demo"]:
        assert command in out


def test_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vicinal", "version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("vicinal ")


def test_command_line_starts_without_the_compiler() -> None:
    script = "import sys; from vicinal.server.cli import app; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_added_command_that_is_a_function(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    point = metadata.EntryPoint("greet", "tests_of_vicinal:greet", "vicinal.commands")

    def greet(name: str) -> None:
        """Greet someone."""
        print(f"hello {name}")

    monkeypatch.setattr(metadata.EntryPoint, "load", lambda self: greet)
    monkeypatch.setattr(
        metadata, "entry_points", lambda **chosen: [point] if chosen.get("name", "greet") == "greet" else []
    )
    assert run("greet", "world")[:2] == (0, "hello world\n")
    assert run("other")[0] == 2


def test_info(run: Run, films: Path) -> None:
    code, out, _ = run("info", films, "--segments")
    assert code == 0
    assert re.search(r"^points +300 *$", out, re.MULTILINE)
    assert "plot: dense, 8 dimensions, cosine, float32" in out
    assert "year: integer" in out
    assert "growing" in out


def test_check_finds_nothing_wrong(run: Run, films: Path) -> None:
    code, out, _ = run("check", films)
    assert code == 0
    assert "sound" in out


def test_check_names_the_damaged_file(run: Run, films: Path) -> None:
    (segment,) = (films / "segments").glob("*.seg")
    with open(segment, "r+b") as file:
        file.seek(segment.stat().st_size // 2)
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte[0] ^ 0xFF]))
    code, out, _ = run("check", films)
    assert code == 1
    assert segment.name in out
    assert "remedy" in out


@pytest.mark.parametrize("command", ["info", "check"])
def test_folder_that_is_no_database(run: Run, tmp_path: Path, command: str) -> None:
    code, _, err = run(command, tmp_path / "nothing")
    assert code == 1
    assert err.startswith("error: ")
    assert len(err.splitlines()) == 1
    (tmp_path / "notes.txt").write_text("not a database")
    code, _, err = run(command, tmp_path)
    assert code == 1
    assert "not a vicinal database" in err


def test_npy_goes_in(run: Run, tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", MATRIX)
    code, out, err = run("import", tmp_path / "v.npy", tmp_path / "db", "--collection", "c", "--metric", "l2")
    assert (code, err) == (0, "")
    assert "300 points read into c" in out
    said = re.search(r"It now has 300 points; the database takes ([\d.]+) (kB|MB) on disk", out)
    assert said is not None
    with vicinal.open(tmp_path / "db", read_only=True) as db:
        assert db.info().bytes_disk == pytest.approx(
            float(said[1]) * {"kB": 1e3, "MB": 1e6}[said[2]], rel=0.3
        )
        found = db.collection("c").search(MATRIX[5], k=1)[0]
        assert found.id == 5
        assert found.score == pytest.approx(0.0, abs=1e-3)
        assert db.collection("c").schema.vectors["vector"] == Dense(DIM, metric="l2")


def test_json_lines_go_in_with_fields_for_a_tenant(run: Run, tmp_path: Path) -> None:
    records = [{"id": f"f{i}", "year": 1990 + i, "vector": MATRIX[i].tolist()} for i in range(20)]
    (tmp_path / "v.jsonl").write_bytes(b"\n".join(map(orjson.dumps, records)))
    options = ["--collection", "c", "--fields", "year:integer", "--partitioned", "--tenant", "anna"]
    code, _, err = run("import", tmp_path / "v.jsonl", tmp_path / "db", *options)
    assert (code, err) == (0, "")
    with vicinal.open(tmp_path / "db", read_only=True) as db:
        assert db.collection("c").count(filter=F("year") >= 2000, tenant="anna") == 10
        assert db.collection("c").count(tenant="boris") == 0


def test_what_is_imported_declares_fields(run: Run, tmp_path: Path) -> None:
    records = [{"id": i, "year": 1990 + i, "vector": MATRIX[i].tolist()} for i in range(20)]
    (tmp_path / "v.jsonl").write_bytes(b"\n".join(map(orjson.dumps, records)))
    command = ["import", tmp_path / "v.jsonl", tmp_path / "db", "--collection", "c", "--fields", "auto"]
    code, _, err = run(*command)
    assert (code, err) == (0, "")
    code, out, _ = run("info", tmp_path / "db")
    assert code == 0
    assert "year: integer" in out
    assert "the next writes may declare more fields" in out


def test_element_type_of_the_file_is_kept(run: Run, tmp_path: Path) -> None:
    np.save(tmp_path / "half.npy", MATRIX.astype(np.float16))
    np.save(tmp_path / "bits.npy", np.packbits(MATRIX > 0, axis=1))
    assert run("import", tmp_path / "half.npy", tmp_path / "db", "--collection", "half")[0] == 0
    binary = ["--collection", "bits", "--element", "binary"]
    assert run("import", tmp_path / "bits.npy", tmp_path / "db", *binary)[0] == 0
    assert run("import", tmp_path / "bits.npy", tmp_path / "db", "--collection", "bytes")[0] == 0
    with vicinal.open(tmp_path / "db", read_only=True) as db:
        assert db.collection("half").schema.vectors["vector"] == Dense(DIM, element="float16")
        expected = Dense(DIM, metric="hamming", element="binary")
        assert db.collection("bits").schema.vectors["vector"] == expected
        assert db.collection("bytes").schema.vectors["vector"] == Dense(1)


def test_import_into_a_collection_that_exists(run: Run, films: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", MATRIX[:5] + 1)
    code, _, err = run("import", tmp_path / "v.npy", films, "--collection", "films")
    assert (code, err) == (0, "")
    with vicinal.open(films, read_only=True) as db:
        assert db.collection("films").count() == ROWS
        (point,) = db.collection("films").get([2], with_vectors=True)
        assert point is not None
        np.testing.assert_array_equal(point.vectors["plot"], MATRIX[2] + 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--metric", "l2"], "--metric can only be said of a new one"),
        (["--fields", "year"], "expected NAME:TYPE"),
        (["--id-field", "name"], "its row numbers"),
    ],
)
def test_import_refuses_what_makes_no_sense(
    run: Run, films: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    np.save(tmp_path / "v.npy", MATRIX)
    code, _, err = run("import", tmp_path / "v.npy", films, "--collection", "films", *options)
    assert code == 2
    assert message in err
    assert "Traceback" not in err


def test_refused_first_batch_leaves_no_collection(run: Run, tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.full((3, DIM), np.nan, np.float32))
    code, _, err = run("import", tmp_path / "v.npy", tmp_path / "db", "--collection", "c")
    assert code == 2
    assert "after 0 points" in err
    with vicinal.open(tmp_path / "db", read_only=True) as db:
        assert db.collections() == []


def test_unknown_option_is_refused(run: Run, films: Path) -> None:
    code, _, err = run("info", films, "--colour")
    assert code == 2
    assert "--colour" in err


def test_second_writer_is_named(run: Run, films: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", MATRIX)
    with vicinal.open(films):
        code, _, err = run("import", tmp_path / "v.npy", films, "--collection", "films")
    assert code == 1
    assert "open for writing" in err


def everything(db: vicinal.Database, name: str) -> dict[object, tuple[dict[str, object], dict[str, object]]]:
    points = db.collection(name).scroll(limit=1000, with_vectors=True).points
    return {point.id: (point.payload, point.vectors) for point in points}


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
def test_what_goes_out_comes_in_again(run: Run, tmp_path: Path, suffix: str) -> None:
    vectors = {
        "plot": Dense(DIM),
        "half": Dense(DIM, element="float16", metric="dot"),
        "bits": Dense(16, element="binary", metric="hamming"),
        "terms": Sparse(),
        "marks": Sparse(element="binary"),
        "words": Sparse(tokens=True),
        "tokens": Multi(4),
    }
    generator = np.random.default_rng(0)
    tokens = [generator.standard_normal((1 + i % 3, 4)).astype(np.float16) for i in range(ROWS)]
    with vicinal.open(tmp_path / "a") as db:
        collection = db.create_collection("all", vectors, fields={"year": "integer"})
        columns = {
            "plot": MATRIX,
            "half": MATRIX.astype(np.float16),
            "bits": generator.integers(0, 256, (ROWS, 2), dtype=np.uint8),
            "terms": [(np.array([i, i + 9]), np.array([0.5, 1.5], np.float32)) for i in range(ROWS)],
            "marks": [list(range(i % 4)) for i in range(ROWS)],
            "words": [{f"w{i}": 0.5, "日本": float(i)} for i in range(ROWS)],
            "tokens": tokens,
        }
        extra: list[dict[str, object]] = [{"name": "odd"} if i % 2 else {"tags": ["x"]} for i in range(ROWS)]
        payloads = [{"year": i, **extra[i]} for i in range(ROWS)]
        collection.upsert([f"p{i}" for i in range(ROWS)], columns, payloads)
        before = everything(db, "all")
    out = tmp_path / f"out{suffix}"
    code, _, err = run("export", tmp_path / "a", "--collection", "all", "--out", out)
    assert (code, err) == (0, "")
    with vicinal.open(tmp_path / "b") as db:
        db.create_collection("all", vectors, fields={"year": "integer"})
    code, _, err = run("import", out, tmp_path / "b", "--collection", "all")
    assert (code, err) == (0, "")
    with vicinal.open(tmp_path / "b", read_only=True) as db:
        after = everything(db, "all")
    assert after.keys() == before.keys()
    for point_id, (payload, values) in before.items():
        assert after[point_id][0] == payload
        for name, value in values.items():
            other = after[point_id][1][name]
            if isinstance(value, tuple):
                np.testing.assert_array_equal(np.asarray(other), np.asarray(value))
            else:
                np.testing.assert_array_equal(other, value)


def test_exported_parquet_has_a_column_a_key(run: Run, films: Path, tmp_path: Path) -> None:
    out = tmp_path / "films.parquet"
    options = ["--collection", "films", "--out", out, "--without-vectors", "--id-field", "film"]
    assert run("export", films, *options)[0] == 0
    table = pq.read_table(out)
    assert table.column_names == ["film", "year", "title", "tags"]
    assert table.num_rows == ROWS
    rows = {row["film"]: row for row in table.to_pylist()}
    assert rows[7] == {"film": 7, "year": 2024, "title": None, "tags": None}


@pytest.mark.parametrize("name", ["out.parquet", "out.jsonl"])
def test_export_refuses_names_that_clash(run: Run, films: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / name
    code, _, err = run("export", films, "--collection", "films", "--out", out, "--id-field", "title")
    assert code == 2
    assert "payload key 'title'" in err
    assert list(tmp_path.glob("out*")) == []


def test_export_of_mixed_types_points_to_json_lines(run: Run, tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db") as db:
        db.create_collection("c", Dense(DIM)).upsert([1, 2], MATRIX[:2], [{"a": 1}, {"a": "one"}])
    export = ["export", tmp_path / "db", "--collection", "c", "--out"]
    code, _, err = run(*export, tmp_path / "out.parquet")
    assert code == 2
    assert "out.jsonl" in err
    assert run(*export, tmp_path / "out.jsonl")[0] == 0
    lines = [orjson.loads(line) for line in (tmp_path / "out.jsonl").read_bytes().splitlines()]
    assert [line["a"] for line in lines] == [1, "one"]


def test_export_does_not_overwrite(run: Run, films: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    out.write_text("mine")
    code, _, err = run("export", films, "--collection", "films", "--out", out)
    assert code == 2
    assert "exists" in err
    assert out.read_text() == "mine"


def test_export_of_an_empty_collection(run: Run, tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db") as db:
        db.create_collection("c", Dense(DIM))
    for name in ["out.parquet", "out.jsonl"]:
        code, out, _ = run("export", tmp_path / "db", "--collection", "c", "--out", tmp_path / name)
        assert code == 0
        assert "0 points written" in out
    assert pq.read_table(tmp_path / "out.parquet").num_rows == 0


def test_unknown_collection_names_those_there_are(run: Run, films: Path, tmp_path: Path) -> None:
    code, _, err = run("export", films, "--collection", "movies", "--out", tmp_path / "o.jsonl")
    assert code == 1
    assert "there are: films" in err


def test_warmup_compiles_and_says_how_long_and_where(run: Run) -> None:
    code, out, _ = run("warmup")
    assert code == 0
    assert out.startswith("The search kernels are ready, after ")
    assert f"in {cache_folder.place()}\n" in out
