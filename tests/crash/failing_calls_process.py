"""A process whose system calls fail, one in each child it forks. Run by the test of failing calls.

Usage: failing_calls_process.py LIBRARY FOLDER SESSION FORM

``LIBRARY`` is preloaded. ``SESSION`` is ``whole``, the whole API with dense vectors, or ``kinds``, every
kind of vector. ``FORM`` is ``short`` or ``long``: the long one tries every failure that fits a call, and lets
calls fail until the public call is over, too. Prints a line of JSON for each case that went wrong, then one
with the names of all calls and how many cases there were.
"""

from __future__ import annotations

import errno
import faulthandler
import gc
import json
import os
import pickle
import shutil
import signal
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crash.failing_calls_kinds import SessionOfKinds
from crash.failing_calls_script import SHORT, Calls, Refused, Session

SESSIONS: dict[str, type[Session]] = {"whole": Session, "kinds": SessionOfKinds}
FOREVER = 1 << 40
SECONDS_A_CASE = 120
PROCESSES = os.cpu_count() or 1
# Steps of the short form after a failure.
ENOUGH = 2

# What can befall each call, the likeliest first.
FAILURES: dict[str, tuple[int, ...]] = {
    "open": (errno.EMFILE, errno.EIO, errno.EACCES, errno.ENOSPC, errno.EINTR, errno.ENFILE),
    "read": (errno.EIO, SHORT, errno.EINTR),
    "write": (errno.ENOSPC, SHORT, errno.EIO, errno.EINTR, errno.EDQUOT),
    "sync": (errno.EIO, errno.ENOSPC),
    "name": (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS),
    "mmap": (errno.ENOMEM,),
    "lock": (errno.ENOLCK, errno.EINTR),
}
KINDS = {
    "read": ("read", "pread"),
    "write": ("write", "pwrite", "ftruncate", "truncate"),
    "sync": ("fsync", "fdatasync"),
    "name": ("rename", "link", "unlink", "mkdir", "rmdir"),
    "mmap": ("mmap",),
    "lock": ("flock", "fcntl"),
    "open": ("open",),
}


def warm_up(folder: Path, session: type[Session], calls: Calls) -> None:
    """Load what a session needs, once for all children."""
    session(folder, calls, 0).run(None)
    # A collection would touch, and so copy, all that a child shares with this process.
    gc.collect()
    gc.freeze()


def kind_of(name: str) -> str:
    return next(kind for kind, starts in KINDS.items() if name.startswith(starts))


def cases(names: list[str], form: str) -> Iterator[tuple[int, int, int]]:
    """Yield first call, last call and failure of each case."""
    for number, name in enumerate(names, 1):
        fitting = FAILURES[kind_of(name)]
        if form == "short":
            yield number, number, fitting[number % len(fitting)]
            continue
        for code in fitting:
            yield number, number, code
            if code not in (SHORT, errno.EINTR):
                yield number, FOREVER, code


class Case:
    """One failure of one call, or of every call from one on, in a child of its own."""

    def __init__(self, session: type[Session], folder: Path, first: int, last: int, code: int) -> None:
        self.session = session
        self.folder = folder
        self.first = first
        self.last = last
        self.code = code

    def run(self, calls: Calls, enough: int | None) -> None:
        """Run in this process, a child, and leave word of what went wrong."""
        # Ends the child if it hangs; where it does is said before.
        signal.alarm(SECONDS_A_CASE)
        os.dup2(os.open(self._beside(".stacks"), os.O_CREAT | os.O_WRONLY), 2)
        faulthandler.dump_traceback_later(SECONDS_A_CASE / 2)
        calls.watch(self.folder)
        session = self.session(self.folder, calls, self.code)
        try:
            calls.arm(self.first, self.last, self.code)
            session.run(enough)
            session.check_afterwards()
        except Refused:
            # Another process, which has not seen the failure, must find everything.
            self._beside(".allowed").write_bytes(pickle.dumps(session.allowed))
            os._exit(0)
        except BaseException as error:
            wrong = {"error": repr(error)[:1000], "trace": traceback.format_exc()[-6000:]}
            wrong |= {"told": session.told, "call": calls.failed()}
            self._beside(".wrong").write_text(json.dumps(wrong))
            os._exit(1)
        os._exit(0)

    def found_by_another(self, calls: Calls) -> int:
        """Return the status of a child that finds what one that was refused has left, 0 when it does."""
        allowed = self._beside(".allowed")
        if not allowed.exists():
            return 0
        child = os.fork()
        if child == 0:
            try:
                session = self.session(self.folder, calls, 0)
                session.allowed = pickle.loads(allowed.read_bytes())
                session.check_afterwards()
                os._exit(0)
            except BaseException as error:
                wrong = {"error": repr(error)[:1000], "trace": traceback.format_exc()[-6000:]}
                self._beside(".wrong").write_text(json.dumps(wrong))
                os._exit(1)
        status = os.waitpid(child, 0)[1]
        allowed.unlink()
        return status

    def result(self, status: int) -> dict[str, Any] | None:
        """Return what went wrong in the child that ended with a status, and remove what it left."""
        said, stacks = self._beside(".wrong"), self._beside(".stacks")
        answer: dict[str, Any] | None = None
        if status:
            failure = "SHORT" if self.code == SHORT else errno.errorcode[self.code]
            answer = {"case": [self.first, self.last, failure]}
            if said.exists():
                answer |= json.loads(said.read_text())
            else:
                answer |= {"error": f"it ended with status {status}", "trace": stacks.read_text()}
        shutil.rmtree(self.folder, ignore_errors=True)
        said.unlink(missing_ok=True)
        stacks.unlink(missing_ok=True)
        return answer

    def _beside(self, suffix: str) -> Path:
        return self.folder.with_suffix(suffix)


def call_names(folder: Path, session: type[Session], calls: Calls) -> list[str]:
    """Return what each call is when none fails."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        try:
            calls.watch(folder)
            sound = session(folder, calls, 0)
            sound.run(None)
            os.write(writing, json.dumps(calls.names()).encode())
            sound.check_afterwards()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        names: list[str] = json.loads(pipe.read())
    os.wait()
    return names


def main(library: str, root: str, name: str, form: str) -> None:
    calls, session = Calls(library), SESSIONS[name]
    warm_up(Path(root) / "warm", session, calls)
    names = call_names(Path(root) / "names", session, calls)
    waiting = [Case(session, Path(root) / f"{n}", *case) for n, case in enumerate(cases(names, form))]
    waiting.reverse()
    running: dict[int, Case] = {}
    done = wrong = 0
    while waiting or running:
        if waiting and len(running) < PROCESSES:
            case = waiting.pop()
            child = os.fork()
            if child == 0:
                case.run(calls, None if form == "long" else ENOUGH)
            running[child] = case
            continue
        child, status = os.wait()
        case = running.pop(child)
        found = case.result(status or case.found_by_another(calls))
        done += 1
        if found is not None:
            wrong += 1
            print(json.dumps(found), flush=True)
    print(json.dumps({"cases": done, "wrong": wrong, "calls": names}))


if __name__ == "__main__":
    main(*sys.argv[1:])
