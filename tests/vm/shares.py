"""Test modules in processes of their own, some at a time: a guest waits more than it computes."""

from __future__ import annotations

import os
import re
import selectors
import signal
import sys
import unittest
from typing import BinaryIO

from lab.cli import Stopped, raise_on_signals
from lab.process import die_with_parent
from report import run

_TALLY = re.compile(r"(\d+) passed, (\d+) failed, (\d+) skipped")
_RESULT = re.compile(r"ok |FAILED |skipped ")


def _by_module(tests: list[unittest.TestCase]) -> list[list[unittest.TestCase]]:
    """The tests of each module, whose classes share what they compile; the largest first."""
    modules: dict[str, list[unittest.TestCase]] = {}
    for test in tests:
        modules.setdefault(type(test).__module__, []).append(test)
    return sorted(modules.values(), key=len, reverse=True)


class _Share:
    """A forked process that runs some tests. What it prints is told result by result, so that shares do not mix."""

    def __init__(self, tests: list[unittest.TestCase]) -> None:
        self.name = type(tests[0]).__module__
        self.sums = [0, 0, 0]
        self._pending: list[str] = []
        ours, theirs = os.pipe()
        sys.stdout.flush()
        self.process = os.fork()
        if self.process == 0:
            die_with_parent()
            os.dup2(theirs, 1)
            os.dup2(theirs, 2)
            os._exit(_run_and_flush(tests))
        os.close(theirs)
        self.output: BinaryIO = os.fdopen(ours, "rb", buffering=0)  # none of it is hidden from the selector

    def read(self) -> bool:
        """A line of it; False at the end."""
        line = self.output.readline().decode(errors="replace")
        if not line or _RESULT.match(line):
            self._tell()
        if not line:
            return False
        if tally := _TALLY.fullmatch(line.strip()):
            self.sums = [int(number) for number in tally.groups()]
        else:
            self._pending.append(line)
        return True

    def end(self) -> None:
        self.output.close()
        _, status = os.waitpid(self.process, 0)
        if status != 0 and self.sums[1] == 0:
            print(f"FAILED  {self.name}: ended with {os.waitstatus_to_exitcode(status)} and names no failed test", flush=True)
            self.sums[1] = 1

    def _tell(self) -> None:
        print("".join(self._pending), end="", flush=True)
        self._pending = []


def _run_and_flush(tests: list[unittest.TestCase]) -> int:
    try:
        return run(tests)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def run_shares(tests: list[unittest.TestCase], at_once: int) -> int:
    """As report.run."""
    raise_on_signals()
    waiting = _by_module(tests)
    running: set[_Share] = set()
    sums = [0, 0, 0]
    try:
        with selectors.DefaultSelector() as selector:
            while waiting or running:
                while waiting and len(running) < at_once:
                    share = _Share(waiting.pop(0))
                    running.add(share)
                    selector.register(share.output, selectors.EVENT_READ, share)
                for key, _ in selector.select():
                    share = key.data
                    if share.read():
                        continue
                    selector.unregister(share.output)
                    running.remove(share)
                    share.end()
                    sums = [a + b for a, b in zip(sums, share.sums)]
    except Stopped as stopped:
        for share in running:
            os.kill(share.process, signal.SIGTERM)
        for share in running:
            os.waitpid(share.process, 0)
        return 128 + stopped.number
    print("{} passed, {} failed, {} skipped".format(*sums))
    return 1 if sums[1] else 0
