"""`mqlab` as its user runs it: the verdict, the JSON, the exit code of a script, and what is left behind, which is nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
import unittest
import uuid
from pathlib import Path
from typing import Optional

import guestcase
from lab import application
from lab.build import TREE

MARK = "VMQ_LAB_TEST_RUN"  # in the environment of all that a run starts


class Run:
    """One mqlab, findable by a mark; its temporary files go to a folder of its own."""

    def __init__(self, folder: str, *arguments: str) -> None:
        self.mark = f"{MARK}={uuid.uuid4()}"
        self.temporary = os.path.join(folder, "tmp")
        os.makedirs(self.temporary)
        name, value = self.mark.split("=")
        options = ["--tools", os.path.abspath(guestcase.tools_folder)] if guestcase.tools_folder else []
        options += ["--packed"] if guestcase.packed_rings else []
        self.process = subprocess.Popen(
            [str(TREE / "tools/mqlab"), *arguments, *options],
            cwd=folder,
            env={**os.environ, name: value, "TMPDIR": self.temporary},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def processes(self) -> dict[int, str]:
        """pid -> command line of all that carries the mark."""
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                if self.mark.encode() in (entry / "environ").read_bytes().split(b"\0"):
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue  # it has just ended
        return found

    def namespaces(self) -> set[str]:
        found = set()
        for pid in self.processes():
            try:
                found.add(os.readlink(f"/proc/{pid}/ns/net"))
            except OSError:
                continue
        return found

    def await_guest(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while not any("virtio-net-pci" in command for command in self.processes().values()):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"no QEMU appeared: {self.process.communicate()[1]}")
            time.sleep(0.1)


def network_namespaces() -> set[str]:
    """All that some process is in."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                found.add(os.readlink(entry / "ns/net"))
            except OSError:
                continue
    return found


class Mqlab(unittest.TestCase):
    def setUp(self) -> None:
        if reason := guestcase.reason_to_skip():
            self.skipTest(reason)
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = scratch.name
        self.interfaces = set(os.listdir("/sys/class/net"))
        self.named_namespaces = self.list_named_namespaces()

    @staticmethod
    def list_named_namespaces() -> str:
        return subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout

    def start(self, *arguments: str) -> Run:
        run = Run(self.folder, *arguments)
        self.addCleanup(self.end, run)
        return run

    @staticmethod
    def end(run: Run) -> None:
        if run.process.poll() is None:
            run.process.kill()
        run.process.communicate()

    def assert_nothing_left(self, run: Run, spaces: Optional[set[str]] = None) -> None:
        deadline = time.monotonic() + 5
        while run.processes() and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertEqual(run.processes(), {})
        self.assertEqual((spaces or set()) & network_namespaces(), set())
        self.assertEqual(set(os.listdir("/sys/class/net")), self.interfaces)
        self.assertEqual(self.list_named_namespaces(), self.named_namespaces)
        self.assertEqual(os.listdir(run.temporary), [])

    def test_demo_passes_and_its_json_says_what_was_seen(self) -> None:
        file = os.path.join(self.folder, "demo.json")
        run = self.start("demo", "--json", file)
        out, err = run.process.communicate(timeout=240)
        self.assertEqual(run.process.returncode, 0, out + err)
        self.assertEqual(out.splitlines()[-1], "PASS")
        with open(file, encoding="utf-8") as text:
            result = json.load(text)
        self.assertEqual(result["schema"], "mqlab.demo/1")
        self.assertTrue(result["passed"])
        self.assertEqual(result["ring_layout"], "packed" if guestcase.packed_rings else "split")
        self.assertEqual([step["combined"] for step in result["steps"]], [2, 4, 1])
        self.assertEqual([row["pair"] for row in result["pairs"]], [0, 1, 2, 3])
        for row in result["pairs"]:  # the first table printed
            self.assertRegex(out, rf"(?m)^\s*{row['pair']}\s+{row['state']}\s.*\b{row['rx_packets']}\b.*\b{row['tx_packets']}\b")
        self.assertEqual(application.vectors_elsewhere(result["interrupts"]), [])
        self.assert_nothing_left(run)

    def test_script_s_output_and_exit_code_are_passed_on(self) -> None:
        script = Path(self.folder, "script.sh")
        script.write_text("cat data; echo to-stderr >&2; mqctl list | grep -c $DEV; exit 7\n", encoding="ascii")
        Path(self.folder, "data").write_text("file that came along\n", encoding="ascii")
        run = self.start("run", "--cpus", "1", "--queues", "1", "--add", "data", str(script))
        out, err = run.process.communicate(timeout=120)
        self.assertEqual((run.process.returncode, out), (7, "file that came along\n1\n"), err)
        self.assertIn("to-stderr\n", err)
        self.assert_nothing_left(run)

    def await_output(self, run: Run, text: str) -> None:
        """Until the demo has printed a line with `text`."""
        for line in run.process.stdout:
            if text in line:
                return
        self.fail(f"the demo ended before {text!r}: {run.process.communicate()[1]}")

    def check_stopped(self, number: int, group: bool, moment: str = "") -> None:
        """`moment`: what the demo is to have printed before it is stopped; if empty, the guest is still booting."""
        run = self.start("demo")
        run.await_guest(120)
        if moment:
            self.await_output(run, moment)
        spaces = run.namespaces() - {os.readlink("/proc/self/ns/net")}
        self.assertEqual(len(spaces), 1)
        os.killpg(run.process.pid, number) if group else os.kill(run.process.pid, number)
        _, err = run.process.communicate(timeout=20)
        expected = -number if number == signal.SIGKILL else 128 + number
        self.assertEqual(run.process.returncode, expected, err)
        self.assertNotIn("Traceback", err)
        self.assert_nothing_left(run, spaces)

    def test_interrupted_while_booting(self) -> None:
        self.check_stopped(signal.SIGINT, True)

    def test_interrupted_half_way(self) -> None:
        self.check_stopped(signal.SIGINT, True, "mqctl combined 2")

    def test_terminated_half_way(self) -> None:
        self.check_stopped(signal.SIGTERM, False, "mqstat --interrupts")

    def test_killed_half_way(self) -> None:
        self.check_stopped(signal.SIGKILL, False, "mqperf echo")

    def test_qemu_that_dies_is_reported(self) -> None:
        run = self.start("demo")
        run.await_guest(120)
        self.await_output(run, "mqctl combined 2")
        qemu = [pid for pid, command in run.processes().items() if "virtio-net-pci" in command]
        self.assertEqual(len(qemu), 1)
        os.kill(qemu[0], signal.SIGKILL)
        _, err = run.process.communicate(timeout=30)
        self.assertEqual(run.process.returncode, 1, err)
        self.assertIn("the guest", err)
        self.assertNotIn("Traceback", err)
        self.assert_nothing_left(run)
