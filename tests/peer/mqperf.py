"""A running mqperf on a vhost-user socket, and what it counts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

PATIENCE = 20.0


class Mqperf:
    """`pairs` of the device's `queues` queue pairs are in use at first."""

    def __init__(self, tools: Path, job: str, socket: Path, queues: int, pairs: int, *options: str,
                 server: bool = False) -> None:
        self.device = f"vhost-user:{socket}"
        self._control = socket.with_name(f"control-{id(self)}")
        self._tools = tools
        self._errors = tempfile.TemporaryFile()
        address = f"{self.device},queues={queues}" + (",server" if server else "")
        self._process = subprocess.Popen(
            [tools / "mqperf", job, address, "--pairs", str(pairs), "--json", "--no-pin", "--socket", self._control,
             *options], stdout=subprocess.PIPE, stderr=self._errors)

    def __enter__(self) -> Mqperf:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    def await_ready(self) -> dict:
        """Until it answers; what it says of its device."""
        end = time.monotonic() + PATIENCE
        while True:
            result = self._ask("mqctl", "info", "--json")
            if result.returncode == 0:
                return json.loads(result.stdout)[0]
            if self._process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"mqperf is not ready: {result.stderr}{self.errors()}")
            time.sleep(0.02)

    def set_pairs(self, count: int) -> None:
        result = self._ask("mqctl", "combined", str(count))
        assert result.returncode == 0, result.stderr

    def stats(self) -> dict:
        result = self._ask("mqstat", "--json")
        assert result.returncode == 0, f"{result.stderr}{self.errors()}"
        return json.loads(result.stdout)[0]

    def at_rest(self) -> dict:
        """The counters once nothing moves any more."""
        before, now = None, packets(self.stats())
        while before != now:
            time.sleep(0.05)
            before, now = now, packets(self.stats())
        return self.stats()

    def finish(self) -> dict:
        """Ends it as ^C does, and returns its summary."""
        code, output = self.end()
        assert code == 0, f"mqperf: {code}: {self.errors()}{output}"
        return json.loads(output)[0]

    def end(self, patience: float = PATIENCE) -> tuple[int, str]:
        """The same, however it ends: its exit code and its output."""
        self._process.send_signal(signal.SIGINT)
        output, _ = self._process.communicate(timeout=patience)
        return self._process.returncode, output.decode()

    def runs(self) -> bool:
        return self._process.poll() is None

    def errors(self) -> str:
        return os.pread(self._errors.fileno(), 65536, 0).decode(errors="replace")  # its offset is mqperf's too

    def _ask(self, tool: str, *words: str) -> subprocess.CompletedProcess:
        return subprocess.run([self._tools / tool, *words, self._control], capture_output=True, text=True, timeout=PATIENCE)


def total(stats: dict, counter: str) -> int:
    return sum(pair[counter] for pair in stats["pairs"])


def packets(stats: dict) -> tuple[int, int]:
    """(received, sent) packets of all pairs."""
    return total(stats, "rx_packets"), total(stats, "tx_packets")
