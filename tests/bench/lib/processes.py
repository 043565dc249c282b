"""The measured programs as child processes: asked by lines, held by SIGSTOP, ended whatever happens."""
import ctypes
import json
import os
import pathlib
import selectors
import signal
import subprocess
import tempfile
import time

READY_SECONDS = 30
PATIENCE_SECONDS = 15  # beyond the time that a round takes by itself
END_SECONDS = 3
PR_SET_PDEATHSIG = 1


class Failure(Exception):
    """A program did not do what it was asked for; the text says which and why."""


def _die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """A child whose standard output is read line by line under a deadline; its complaints go to a file."""

    def __init__(self, command):
        self.name = pathlib.Path(command[0]).name
        self._errors = tempfile.TemporaryFile()
        self._text = b""
        self._child = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, stderr=self._errors, preexec_fn=_die_with_parent)
        self.pid = self._child.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def complaints(self):
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return "; ".join(lines[-3:])

    def fail(self, what):
        status = self._child.poll()
        ended = "" if status is None else f", ended with {status}"
        said = self.complaints()
        raise Failure(f"{self.name}: {what}{ended}{': ' + said if said else ''}")

    def line(self, seconds):
        """The next line of its standard output."""
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._child.stdout, selectors.EVENT_READ)
            while b"\n" not in self._text:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    self.fail(f"silent for {seconds:.0f} s")
                piece = os.read(self._child.stdout.fileno(), 65536)
                if not piece:
                    self._child.wait()
                    self.fail("closed its output")
                self._text += piece
        line, _, self._text = self._text.partition(b"\n")
        return line.decode(errors="replace")

    def ready(self):
        """Waits for the line `ready {...}` and returns its object."""
        line = self.line(READY_SECONDS)
        word, _, rest = line.partition(" ")
        if word != "ready":
            self.fail(f"said '{line}' instead of being ready")
        return json.loads(rest or "{}")

    def go(self, milliseconds):
        """One round of the job; what the program reports of it."""
        return self.ask(f"go {milliseconds}", milliseconds / 1000 + PATIENCE_SECONDS)

    def ask(self, line, seconds=PATIENCE_SECONDS):
        """The object that it answers to a line."""
        self.begin(line)
        return self.answer(seconds)

    def begin(self, line):
        try:
            self._child.stdin.write(f"{line}\n".encode())
            self._child.stdin.flush()
        except BrokenPipeError:
            self._child.wait()
            self.fail("is gone")

    def answer(self, seconds):
        return json.loads(self.line(seconds))

    def runs(self):
        return self._child.poll() is None

    def freeze(self):
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self):
        os.kill(self.pid, signal.SIGCONT)

    def end(self):
        """Ends it, politely first."""
        if self._child.poll() is None:
            self.thaw()
            self._child.terminate()
            try:
                self._child.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
        for stream in (self._child.stdin, self._child.stdout, self._errors):
            try:
                stream.close()
            except BrokenPipeError:
                pass


def wait_for_socket(path, backend, seconds=READY_SECONDS):
    """Until the backend listens."""
    deadline = time.monotonic() + seconds
    while not pathlib.Path(path).is_socket():
        if backend._child.poll() is not None:
            backend.fail("ended before it listened")
        if time.monotonic() > deadline:
            backend.fail(f"does not listen after {seconds} s")
        time.sleep(0.005)
