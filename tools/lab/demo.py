"""`mqlab demo`: everything once, for real, with a verdict."""

from __future__ import annotations

import re
import time
from typing import Any, Callable

from lab import application
from lab.application import Echo
from lab.checks import Checks
from lab.machine import Machine
from lab.tap import GUEST_ADDRESS
from lab.traffic import Report, UdpFlows

FLOWS = 64
RATE = 200.0  # requests a second; a guest under TCG on a busy machine sustains several times as much
PINGS = 20
WATCH_SECONDS = 2.0


class Demo:
    """One run. `show` prints for the reader; `result` is what --json writes."""

    def __init__(self, machine: Machine, show: Callable[[str], None]) -> None:
        self._machine = machine
        self._guest = machine.guest
        self._show = show
        self.checks = Checks()
        self.result: dict[str, Any] = {"schema": "mqlab.demo/1", "device": machine.nic, "steps": []}

    def run(self) -> bool:
        self._guest.require(f"mqctl bind {self._machine.nic}")
        echo = Echo(self._machine)
        self._say_command(f"mqctl bind {self._machine.nic}")
        self._say_command(f"{echo.command} &")
        self._pairs = echo.pairs()["queue_pairs"]
        self.result["ring_layout"] = echo.info()["ring_layout"]
        self._ping()
        self._all_pairs(echo)
        self._changes(echo)
        self._refusals(echo)
        self._end(echo)
        self.result["checks"] = self.checks.as_json()
        self.result["passed"] = self.checks.passed
        return self.checks.passed

    def _ping(self) -> None:
        command = ["ping", "-n", "-q", "-i", "0.05", "-c", str(PINGS), "-w", "20", GUEST_ADDRESS]
        text = self._machine.tap.space.run(command).stdout
        self._show(f"tap$ {' '.join(command)}\n{text.strip()}\n")
        match = re.search(r"(\d+) packets transmitted, (\d+) received", text)
        sent, received = (int(match.group(1)), int(match.group(2))) if match else (0, 0)
        self.result["ping"] = {"sent": sent, "received": received}
        self.checks.add("every ping is answered", sent == received >= PINGS, f"{received} of {sent}")

    def _all_pairs(self, echo: Echo) -> None:
        """All pairs at work; then, with the line quiet, the interrupts, which can be compared only when none is under way."""
        before = echo.pairs()
        report = self._traffic(WATCH_SECONDS)
        after = echo.pairs()
        self._say_command(f"mqstat {self._machine.nic}", echo.table())
        self._carried(before, after, self._pairs, f"with {self._pairs} pairs")
        interrupts = echo.interrupts()
        self._say_command(f"mqstat --interrupts {self._machine.nic}", echo.table("--interrupts"))
        self._answered(report, f"{FLOWS} UDP flows over {self._pairs} pairs")
        elsewhere = application.vectors_elsewhere(interrupts)
        counted = sum(row["kernel_sum"] for row in interrupts["vectors"])
        self.checks.add("each vector interrupted its own vCPU only", counted > 0 and not elsewhere,
                        "; ".join(elsewhere) or f"{counted} interrupts")
        differing = application.sums_that_differ(interrupts)
        self.checks.add("the kernel's counts equal the eventfds' sums", counted > 0 and not differing, "; ".join(differing))
        self.result.update(pairs=after["pairs"], interrupts=interrupts, traffic=report.summary())

    def _traffic(self, seconds: float) -> Report:
        flows = UdpFlows(self._machine.tap.space, GUEST_ADDRESS, FLOWS, RATE)
        time.sleep(seconds)
        return flows.stop()

    def _changes(self, echo: Echo) -> None:
        if self._pairs == 1:
            return
        flows = UdpFlows(self._machine.tap.space, GUEST_ADDRESS, FLOWS, RATE)
        time.sleep(0.5)
        for count in dict.fromkeys((max(1, self._pairs // 2), self._pairs, 1)):
            self._change(echo, flows, count)
        report = flows.stop()
        self._answered(report, "the same flows while the pairs changed")
        self.result["traffic_during_changes"] = report.summary()

    def _change(self, echo: Echo, flows: UdpFlows, count: int) -> None:
        started = time.monotonic()
        done = echo.combined(count)
        seconds = time.monotonic() - started
        self.checks.add(f"mqctl combined {count} under traffic", done.code == 0 and not done.err,
                        f"exit code {done.code}{' ' + done.err.strip() if done.err else ''}")
        flows.renew()  # the tap keeps the flows it knows where they were; new ones reach new pairs
        before = echo.pairs()
        time.sleep(WATCH_SECONDS)
        after = echo.pairs()
        self._say_command(f"mqctl combined {count} {self._machine.nic}")
        self._say_command(f"mqstat {self._machine.nic}", echo.table())
        self._carried(before, after, count, f"after combined {count}")
        self.result["steps"].append({"combined": count, "exit_code": done.code, "seconds": round(seconds, 3),
                                     "pairs": after["pairs"]})

    def _carried(self, before: dict, after: dict, count: int, when: str) -> None:
        """Pairs below `count` carried packets both ways, the others none."""
        moved = application.moved(before, after)
        right = all((rx > 0 and tx > 0) if pair < count else (rx == 0 and tx == 0) for pair, (rx, tx) in moved.items())
        seen = ", ".join(f"pair {pair} rx {rx} tx {tx}" for pair, (rx, tx) in moved.items())
        which = "pair 0" if count == 1 else f"each of pairs 0 to {count - 1}"
        self.checks.add(f"{when}: packets both ways on {which} and on no other", right, seen)

    def _answered(self, report: Report, what: str) -> None:
        seen = f"{report.answered} of {report.sent}"
        if not report.clean:
            seen += f", {report.missing} missing, {report.duplicates} twice, {report.foreign} damaged"
        self.checks.add(f"every request of {what} is answered once", report.clean, seen)

    def _refusals(self, echo: Echo) -> None:
        device = self._machine.nic
        shown = application.channels_text(device, self._pairs, 1)
        self._say_command(f"mqctl show {device}", echo.show())
        beyond = self._pairs + 5
        refused = (
            (0, 1, f"mqctl: {device}: requested 0 queue pairs, "),
            (beyond, 1, f"mqctl: {device}: requested {beyond} queue pairs, the device has {self._pairs}\n"),
            ("abc", 2, "abc"),
        )
        for wanted, code, text in refused:
            answer = echo.combined(wanted)
            self._say_command(f"mqctl combined {wanted} {device}", answer.err)
            self.checks.add(f"mqctl combined {wanted} is refused", answer.code == code and text in answer.err,
                            f"exit code {answer.code}")
        self.checks.add("mqctl show has the layout of ethtool -l, and nothing has changed", echo.show() == shown)

    def _end(self, echo: Echo) -> None:
        ended = echo.stop()
        self.checks.add("the application ends when told to", ended.code == 0, f"exit code {ended.code}")
        left = self._guest.run(f"mqctl show {self._machine.nic}")
        self._say_command(f"mqctl show {self._machine.nic}", left.err)
        self.checks.add("mqctl show says that nobody drives the device", left.code == 3, f"exit code {left.code}")
        back = self._guest.run(f"mqctl unbind {self._machine.nic} && ls /sys/bus/pci/devices/{self._machine.nic}/virtio*/net")
        self._say_command(f"mqctl unbind {self._machine.nic}")
        self.checks.add("mqctl unbind gives the interface back", back.code == 0, back.out.strip() or back.err.strip())

    def _say_command(self, command: str, output: str = "") -> None:
        self._show(f"guest# {command}\n{output.rstrip()}" + ("\n" if output.strip() else ""))
