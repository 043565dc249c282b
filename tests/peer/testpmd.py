"""A dpdk-testpmd with one vhost port, at the other end of its command line."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Optional

PROMPT = b"testpmd> "
PATIENCE = 20.0


def reason_to_skip() -> Optional[str]:
    if shutil.which("dpdk-testpmd") is None:
        return "no dpdk-testpmd (Debian and Ubuntu: apt-get install dpdk-dev)"
    return None


class Testpmd:
    """Serves the socket `path` with `queues` queue pairs; forwards nothing until told to. client: it connects."""

    def __init__(self, path: Path, queues: int, client: bool = False) -> None:
        if not client:
            path.unlink(missing_ok=True)  # one that was killed leaves its socket, which the next one does not replace
        self._start(f"net_vhost0,iface={path},queues={queues}" + (",client=1" if client else ""), queues)

    def _start(self, device: str, queues: int, lcores: str = "0@0,1@1", options: tuple = ()) -> None:
        self._output, terminal = os.openpty()  # to a pipe it would write its lines only in large blocks
        self._process = subprocess.Popen(
            ["dpdk-testpmd", "--no-pci", "--no-huge", "-m", "256", "--lcores", lcores, "--no-telemetry",
             f"--file-prefix=vmq-{os.getpid()}-{id(self)}", "--vdev", device,
             # What other threads print may fall into the midst of a prompt.
             "--log-level=lib.vhost:error", "--", "-i", "--no-mlockall", "--mask-event=all",
             f"--rxq={queues}", f"--txq={queues}", f"--nb-cores={lcores.count(',')}", "--total-num-mbufs=16384", *options],
            stdin=subprocess.PIPE, stdout=terminal, stderr=terminal, start_new_session=True)
        os.close(terminal)
        self._text = b""
        self._news = threading.Condition()
        # It stands still when nobody reads what it prints.
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self._await_prompt()
        except BaseException:
            self.kill()
            raise

    def __enter__(self) -> Testpmd:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def command(self, line: str, patience: float = PATIENCE) -> str:
        """Types a command and returns what it prints."""
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()
        return self._await_prompt(patience)

    def forward(self, mode: str, start: str = "start") -> None:
        self.command(f"set fwd {mode}")
        self.command(start)

    def stop(self) -> None:
        self.command("stop")

    def counts(self) -> tuple[int, int]:
        """(received, sent) packets of the port."""
        text = self.command("show port stats 0")
        received = re.search(r"RX-packets:\s*(\d+)", text)
        sent = re.search(r"TX-packets:\s*(\d+)", text)
        assert received and sent, text
        return int(received[1]), int(sent[1])

    def drain(self) -> tuple[int, int]:
        """Takes what still lies in the rings, and returns the counts when they have come to rest."""
        self.forward("rxonly")
        before, now = None, self.counts()
        while before != now:
            time.sleep(0.05)
            before, now = now, self.counts()
        self.stop()
        return now

    def clear(self) -> None:
        self.command("clear port stats 0")

    def ended(self) -> Optional[int]:
        """Its exit code as subprocess has it; None while it runs."""
        return self._process.poll()

    def leave(self, patience: float = PATIENCE) -> int:
        """Ends it by its own command; its exit code."""
        self._process.stdin.write(b"quit\n")
        self._process.stdin.flush()
        try:
            return self._process.wait(patience)
        except subprocess.TimeoutExpired:
            raise TimeoutError("testpmd: it does not end") from None

    def kill(self) -> None:
        if self._process.stdin.closed:
            return
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._reader.join()
        os.close(self._output)

    def _await_prompt(self, patience: float = PATIENCE) -> str:
        with self._news:
            self._news.wait_for(lambda: PROMPT in self._text or not self._reader.is_alive(), patience)
            if PROMPT not in self._text:
                state = "no prompt" if self._reader.is_alive() else "it ended"
                raise TimeoutError(f"testpmd: {state}:\n" + self._text.decode(errors="replace")[-2000:])
            text, self._text = self._text.rsplit(PROMPT, 1)
            return text.decode(errors="replace")

    def _read(self) -> None:
        while True:
            try:
                some = os.read(self._output, 65536)
            except OSError:  # the other end is closed
                some = b""
            with self._news:
                self._text += some
                self._news.notify_all()
            if not some:
                return
