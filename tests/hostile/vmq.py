"""vmq in front of the misbehaving device, held to its documentation."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from device import PAIRS, SIZE, Device, Watch
from kinds import Kind
from lib.processes import Process
from mqperf import Mqperf
from outcome import Outcome, ended, number

END_SECONDS = 5.0
JOB_MS = 1500
RING = "256"


def run(tools: Path, socket: Path, device: Device, kind: Kind) -> Outcome:
    with Mqperf(tools, "forward", socket, PAIRS, PAIRS, "--ring-size", RING) as program:
        watch = device.watch(program.runs)
        try:
            code, output = program.end(END_SECONDS)
        except subprocess.TimeoutExpired:
            return Outcome("hangs: it did not end when asked to", False)
        if code not in (0, 1) or not output:
            return Outcome(f"{ended(code)}: {program.errors().strip()}", False)
        watch.add(device.pairs())
        pairs = json.loads(output)[0]["pairs"]
        return judge(kind, watch, code, pairs)


def run_jobs(programs, socket: Path, device: Device) -> Outcome:
    """The benchmark's forwarder, which lets the device leave checksums undone."""
    with Process([programs["vmq_bench_jobs"], "--device", f"vhost-user:{socket}", "--job", "forward", "--pairs", PAIRS,
                  "--receive-checksum", "--yield"]) as program:
        if "GUEST_CSUM" not in program.ready()["features"]:
            return Outcome("GUEST_CSUM was not negotiated", False)
        program.begin(f"go {JOB_MS}")
        watch = device.watch(program.runs)
        program.answer(END_SECONDS)
        watch.add(device.pairs())
        complaints = common_complaints(watch) + ["pair 0 did not go on"] * (not watch.went_on(0))
        if complaints:
            return Outcome("; ".join(complaints), False)
        return Outcome("delivered without the claim; both pairs went on", True, {"misdeeds": watch.misdeeds})


def common_complaints(watch: Watch) -> list[str]:
    return [text for wrong, text in (
        (watch.misdeeds == 0, "the device did not misbehave"),
        (not watch.went_on(1), "pair 1 stood still"),
        (watch.excess_bytes() != 0, f"{number(watch.excess_bytes())} bytes too many were sent to the device"),
    ) if wrong]


def judge(kind: Kind, watch: Watch, code: int, pairs: list[dict]) -> Outcome:
    first = pairs[0]
    counted = first[kind.counter]
    elsewhere = first["rx_faults"] + first["tx_faults"] + first["drops"] - counted
    wrong_count = first["rx_packets"] > watch.sent(0) or (not kind.breaks and first["rx_packets"] < watch.sent(0))
    wrong_length = any(pair["rx_bytes"] != SIZE * pair["rx_packets"] for pair in pairs)
    complaints = common_complaints(watch) + [text for wrong, text in (
        (wrong_length, "packets of a wrong length were delivered"),
        (wrong_count, f"pair 0 delivered {first['rx_packets']} packets of {watch.sent(0)}"),
        (elsewhere != 0, f"{elsewhere} counted elsewhere"),
        (kind.breaks and (counted, first["state"]) != (1, "broken"),
         f"pair 0 is {first['state']}, {kind.counter} {counted}"),
        (not kind.breaks and (code != 0 or not watch.went_on(0)), f"pair 0 did not go on, {ended(code)}"),
        (not kind.breaks and counted != watch.misdeeds, f"{kind.counter} is {counted} after {watch.misdeeds} misdeeds"),
    ) if wrong]
    details = {"misdeeds": watch.misdeeds, "counted": counted, "pair_1_packets_after": watch.moved_since_misdeed(1)}
    if complaints:
        return Outcome("; ".join(complaints), False, details)
    if kind.breaks:
        return Outcome(f"pair 0 broken, `{kind.counter}` 1; pair 1 went on", True, details)
    return Outcome(f"{counted} of {watch.misdeeds} dropped, `{kind.counter}`; both pairs went on", True, details)
