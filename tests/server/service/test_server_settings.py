"""Settings and limits that make no sense are refused before anything is begun."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from vicinal.engine.errors import InvalidArgument
from vicinal.server.service.settings.limits import Limits
from vicinal.server.service.settings.settings import ServerSettings


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"port": -1}, "port is -1"),
        ({"port": 65_536}, "65536"),
        ({"metrics_port": 70_000}, "metrics_port"),
        ({"tls_cert": Path("c.pem")}, "private key"),
        ({"tls_key": Path("k.pem")}, "a key alone"),
        ({"client_ca": Path("ca.pem")}, "client certificates"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        ServerSettings("db", **settings)


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), "many", True, None])
@pytest.mark.parametrize("name", ["max_calls", "memory_bytes", "receive_seconds", "calls_per_second"])
def test_limits_that_cannot_be(name: str, value: Any) -> None:
    if name == "calls_per_second" and value is None:
        assert Limits(calls_per_second=None).calls_per_second is None
        return
    with pytest.raises(InvalidArgument, match=name):
        Limits(**{name: value})


def test_the_disk_may_be_let_full() -> None:
    assert Limits(disk_free_bytes=0).disk_free_bytes == 0


@pytest.mark.parametrize(
    ("host", "loopback", "address"),
    [
        ("127.0.0.1", True, "127.0.0.1:1"),
        ("127.9.9.9", True, "127.9.9.9:1"),
        ("localhost", True, "localhost:1"),
        ("::1", True, "[::1]:1"),
        ("0.0.0.0", False, "0.0.0.0:1"),
        ("::", False, "[::]:1"),
        ("10.0.0.1", False, "10.0.0.1:1"),
        # Whatever it resolves to now, it may be another address when it is listened on.
        ("loopback.example", False, "loopback.example:1"),
    ],
)
def test_which_addresses_only_this_machine_reaches(host: str, loopback: bool, address: str) -> None:
    settings = ServerSettings("db", host=host)
    assert settings.is_loopback is loopback
    assert settings.address(1) == address


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processes are not bound to cores here")
def test_reads_at_a_time_are_by_the_cores_that_the_process_may_use() -> None:
    script = (
        "import os\n"
        "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from vicinal.server.service.settings.cores import usable_cores\n"
        "from vicinal.server.service.settings.limits import Limits\n"
        "print(usable_cores(), Limits().running_searches)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "2"]
