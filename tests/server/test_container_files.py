"""Dockerfile and compose.yaml agree with the command line, with each other and with the tree.

No container is built here; what building runs, a copy of the tree is taken through.
"""

from __future__ import annotations

import fnmatch
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from serving.command_table import parameters

from vicinal.engine.errors import FailedPrecondition
from vicinal.server.service.access.key_store import KeyStore
from vicinal.server.service.server import Server
from vicinal.server.service.settings.settings import DEFAULT_PORT, ServerSettings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICE = COMPOSE["services"]["vicinal"]


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the Dockerfile, comments left out and lines joined."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    joined = text.replace("\\\n", " ")
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in joined.splitlines() if line.strip()]


INSTRUCTIONS = instructions()


def values(name: str) -> list[str]:
    return [value for instruction, value in INSTRUCTIONS if instruction == name]


def command_line() -> list[str]:
    """Return what the image runs when nothing is said."""
    (entrypoint,), (command,) = values("ENTRYPOINT"), values("CMD")
    program: list[str] = json.loads(entrypoint)
    assert program == ["vicinal"]
    words: list[str] = json.loads(command)
    return words


def is_ignored(path: Path) -> bool:
    """Return whether .dockerignore names a path below the root, or a folder that it is in."""
    for pattern in (ROOT / ".dockerignore").read_text().split():
        anywhere = pattern.startswith("**/")
        name = pattern.removeprefix("**/")
        assert not set("/!") & set(name), f"this test does not understand {pattern!r}"
        parts = path.parts if anywhere else path.parts[:1]
        if any(fnmatch.fnmatchcase(part, name) for part in parts):
            return True
    return False


def build_context(folder: Path) -> Path:
    """Copy what `docker build` would be given."""

    def ignored(directory: str, names: list[str]) -> set[str]:
        inside = Path(directory).relative_to(ROOT)
        return {name for name in names if is_ignored(inside / name)}

    return Path(shutil.copytree(ROOT, folder / "context", ignore=ignored))


def test_whatever_git_ignores_stays_out_of_the_image() -> None:
    for pattern in (ROOT / ".gitignore").read_text().split():
        assert is_ignored(Path(pattern.rstrip("/").replace("*", "any"))), pattern


def test_what_is_copied_exists() -> None:
    stages = re.findall(r"\bAS (\w+)", "\n".join(values("FROM")))
    copies = values("COPY")
    assert copies
    for copy in copies:
        *sources, _ = [word for word in copy.split() if not word.startswith("--")]
        stage = re.search(r"--from=(\S+)", copy)
        if stage is not None:
            assert stage[1] in stages
            assert sources == ["/opt/vicinal"], "the environment that the first stage installs into"
            continue
        for source in sources:
            assert (ROOT / source).exists(), source
            assert source == "." or not is_ignored(Path(source)), source


def test_what_is_copied_installs_as_one_wheel(tmp_path: Path) -> None:
    context = build_context(tmp_path)
    # What pip calls to install the folder, without fetching the build tools anew.
    script = "from setuptools.build_meta import build_wheel; print(build_wheel('..'))"
    built = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        cwd=context,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    with zipfile.ZipFile(tmp_path / built.stdout.split()[-1]) as wheel:
        packed = set(wheel.namelist())
    for proto in (ROOT / "proto" / "v1").glob("*.proto"):
        for name in [proto.name, f"{proto.stem}_pb2.py"]:
            assert f"vicinal/proto/v1/{name}" in packed
    assert "vicinal/server/service/server.py" in packed
    assert not [name for name in packed if "test" in Path(name).parts[0]]


def test_the_image_listens_where_it_says() -> None:
    asked = parameters(command_line())
    assert asked["host"] == "0.0.0.0"
    assert asked["port"] == DEFAULT_PORT
    (exposed,) = values("EXPOSE")
    assert [int(port) for port in exposed.split()] == [DEFAULT_PORT, asked["metrics_port"]]
    (volumes,) = values("VOLUME")
    assert str(asked["database"]) in json.loads(volumes)


def test_the_image_has_a_user_that_may_write_its_volumes() -> None:
    names = [name for name, _ in INSTRUCTIONS]
    (user,) = values("USER")
    assert user not in {"root", "0"}
    before = "\n".join(value for name, value in INSTRUCTIONS[: names.index("USER")] if name == "RUN")
    owned = re.search(rf"chown {user}:{user} ([^&]+)", before)
    assert owned is not None
    (volumes,) = values("VOLUME")
    assert set(json.loads(volumes)) == set(owned[1].split())
    # What is declared a volume before it is changed loses the change.
    assert names.index("VOLUME") > names.index("USER")
    assert "NUMBA_CACHE_DIR=/cache" in " ".join(values("ENV"))


@pytest.mark.parametrize("has_key", [False, True])
def test_the_image_is_not_open_to_the_world(tmp_path: Path, has_key: bool) -> None:
    asked = parameters(command_line())
    assert not asked["insecure"]
    settings = ServerSettings(tmp_path / "db", host=asked["host"], port=0)
    if has_key:
        with Server(ServerSettings(tmp_path / "db", port=0)), KeyStore(tmp_path / "db") as keys:
            keys.create("test", "read")
    server = Server(settings)
    with pytest.raises(FailedPrecondition, match="TLS"):
        server.start()


def test_compose_serves_on_this_machine_alone() -> None:
    asked = parameters(SERVICE["command"])
    image = parameters(command_line())
    assert asked == image | {"insecure": True}
    for service in COMPOSE["services"].values():
        for port in service["ports"]:
            assert port.startswith("127.0.0.1:")
    assert SERVICE["ports"] == [f"127.0.0.1:{DEFAULT_PORT}:{asked['port']}"]
    assert SERVICE["build"] == "."


def test_compose_keeps_what_is_to_be_kept() -> None:
    (volumes,) = values("VOLUME")
    mounted = dict(mount.split(":") for mount in SERVICE["volumes"])
    assert set(mounted.values()) == set(json.loads(volumes))
    named = set(mounted)
    for service in COMPOSE["services"].values():
        named |= {mount.split(":")[0] for mount in service["volumes"]}
    assert named == set(COMPOSE["volumes"])


def test_compose_waits_longer_than_the_server_does() -> None:
    assert SERVICE["stop_grace_period"] == "60s"
    assert parameters(SERVICE["command"])["grace"] < 60
    assert values("STOPSIGNAL") == ["SIGTERM"]


def test_compose_asks_for_health_where_the_server_listens() -> None:
    how, program, *words = SERVICE["healthcheck"]["test"]
    assert (how, program) == ("CMD", "vicinal")
    assert words[0] == "health"
    asked = parameters(words)
    assert asked["address"] == f"127.0.0.1:{parameters(SERVICE['command'])['port']}"
    assert asked["timeout"] < int(SERVICE["healthcheck"]["timeout"].rstrip("s"))


def test_prometheus_is_told_where_the_metrics_are() -> None:
    prometheus = COMPOSE["services"]["prometheus"]
    (config,) = prometheus["configs"]
    assert config["target"] == "/etc/prometheus/prometheus.yml"
    told = yaml.safe_load(COMPOSE["configs"][config["source"]]["content"])
    (job,) = told["scrape_configs"]
    (static,) = job["static_configs"]
    metrics_port = parameters(SERVICE["command"])["metrics_port"]
    assert static["targets"] == [f"vicinal:{metrics_port}"]
    # What the server answers on, and what Prometheus asks for when nothing else is said.
    assert job.get("metrics_path", "/metrics") == "/metrics"
    assert job.get("scheme", "http") == "http"
    assert prometheus["depends_on"]["vicinal"]["condition"] == "service_healthy"
    _, _, tag = prometheus["image"].rpartition(":")
    assert tag not in {"", "latest"}
