"""DPDK's own driver, net_virtio_user, under DPDK's own program in front of the misbehaving device."""

from __future__ import annotations

import re
import time
from pathlib import Path

from device import PAIRS, TIMES, Device, Watch
from kinds import Kind
from outcome import Outcome, ended, number
from testpmd import Testpmd

ANSWER_SECONDS = 5.0
RING = 256
UNDERFLOW = 1 << 31  # the device takes the header off what a descriptor says
COUNTERS = ("good_packets", "good_bytes", "size_64_packets", "errors")
RECEIVE_CHECKSUMS = "--rx-offloads=0xc"  # UDP and TCP: with them it negotiates GUEST_CSUM


class VirtioUser(Testpmd):
    """A dpdk-testpmd that sends back what its virtio_user port receives, with a core for each pair on one processor."""

    def __init__(self, socket: Path, layout: str, kind: Kind, cpu: int) -> None:
        options = ("--no-flush-rx", *([RECEIVE_CHECKSUMS] if kind.counter is None else []))
        lcores = ",".join(["0@0", *(f"{pair + 1}@{cpu}" for pair in range(PAIRS))])
        packed = int(layout == "packed")
        self._start(f"net_virtio_user0,path={socket},queues={PAIRS},queue_size={RING},packed_vq={packed},in_order=0,"
                    "mrg_rxbuf=1,mac=02:00:00:00:00:01", PAIRS, lcores, options)

    def runs(self) -> bool:
        return self.ended() is None

    def counters(self) -> dict[str, int]:
        text = self.command("show port xstats 0", ANSWER_SECONDS)
        return {name: int(value) for name, value in re.findall(r"(\w+): (\d+)", text)}

    def quit(self) -> int:
        """Its exit code. TimeoutError: it does not end."""
        self.command("stop", ANSWER_SECONDS)
        return self.leave(ANSWER_SECONDS)


def run(socket: Path, device: Device, layout: str, kind: Kind, cpu: int) -> Outcome:
    with VirtioUser(socket, layout, kind, cpu) as program:
        counters: dict[str, int] = {}
        watch = Watch(device.at_rest())
        thrown = max(0, watch.sent(0) - RING)  # what it received while it started; one ring more awaits it
        try:
            program.forward("macswap")
            watch = device.watch(program.runs)
            counters = program.counters()
            watch.add(device.pairs())
            end = ended(code) if (code := program.quit()) else ""
        except (TimeoutError, BrokenPipeError):
            time.sleep(0.1)  # for a death to be seen
            watch.add(device.pairs())
            code = program.ended()
            end = "hangs: its threads do not end when asked to" if code is None else ended(code)
        return describe(watch, counters, end, thrown)


def describe(watch: Watch, counters: dict[str, int], end: str, thrown: int) -> Outcome:
    received = {name: counters[f"rx_q0_{name}"] for name in COUNTERS if f"rx_q0_{name}" in counters}
    parts = [end] if end else []
    if watch.misdeeds == 0:
        parts.append("the device did not misbehave")
    if received:
        parts += differences(received, watch, thrown)
    if watch.excess_bytes() >= UNDERFLOW:
        parts.append("made descriptors available that are shorter than a header")
    elif watch.excess_bytes() > watch.misdeeds:  # a misdeed's packet may be a byte longer
        parts.append(f"offered the device {number(watch.excess_bytes())} bytes to read that were no packet's")
    if not end:
        parts.append(progress(watch))
    return Outcome("; ".join(parts), None,
                   {"misdeeds": watch.misdeeds, "delivered": watch.sent(0) - thrown, "receiveq_0": received,
                    "excess_bytes": watch.excess_bytes(), "pair_1_packets_after": watch.moved_since_misdeed(1)})


def progress(watch: Watch) -> str:
    if all(map(watch.went_on, range(PAIRS))):
        return "both pairs went on"
    return ", ".join(f"pair {pair} {'went on' if watch.went_on(pair) else 'stood still'}" for pair in range(PAIRS))


def differences(received: dict[str, int], watch: Watch, thrown: int) -> list[str]:
    """Between what the device delivered on pair 0 and what testpmd was given there. A misdeed's packet is told by its
    length; what testpmd received while it started is known to a ring only."""
    passed = received["good_packets"] - received["size_64_packets"]
    more = received["size_64_packets"] + thrown - watch.sent(0)
    return [text for true, text in (
        (passed > 0, f"passed {passed} of {watch.misdeeds} to the application"),
        (more > 0, f"gave the application at least {number(more)} packets that were never delivered"),
        (more < -RING and watch.misdeeds == TIMES, f"lost at least {number(-more - RING)} good packets"),
        (received["errors"] > 0, f"counted {number(received['errors'])} errors"),
    ) if true]
