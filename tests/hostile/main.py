"""One misbehaving vhost-user device, and what vmq and DPDK's driver do with it: a table, then `N passed, N failed,
N skipped` over vmq's part. DPDK's is shown and not judged."""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable

import dpdk
import testpmd
import vmq
from device import Device
from kinds import KINDS, Kind
from lab import build as tools_build
from lab.cli import Stopped, raise_on_signals
from lib import build, machine, table
from lib.processes import Failure
from outcome import Outcome

HEAD = ("the device's misdeed on pair 0", "ring", "vmq", "DPDK's net_virtio_user")


class Stage:
    """The programs and processors that every cell uses."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.programs = build.programs(options.build)
        self.tools = tools_build.programs(options.tools)[0].parent.absolute()
        self.device_cpu, self.driver_cpu = machine.two_cpus(None)
        self.no_dpdk = testpmd.reason_to_skip()

    def vmq(self, kind: Kind, layout: str) -> Outcome:
        if kind.counter is None:
            return self._against(kind, layout, lambda socket, device: vmq.run_jobs(self.programs, socket, device))
        return self._against(kind, layout, lambda socket, device: vmq.run(self.tools, socket, device, kind))

    def dpdk(self, kind: Kind, layout: str) -> Outcome:
        if self.no_dpdk:
            return Outcome(f"skipped: {self.no_dpdk}")
        cpu = self.driver_cpu
        return self._against(kind, layout, lambda socket, device: dpdk.run(socket, device, layout, kind, cpu))

    def _against(self, kind: Kind, layout: str, run: Callable[[Path, Device], Outcome]) -> Outcome:
        with tempfile.TemporaryDirectory(prefix="vmq-hostile-") as folder:
            socket = Path(folder) / "vhost"
            try:
                with Device(self.programs["vmq_bench_backend"], socket, layout, kind.name, self.device_cpu) as device:
                    return run(socket, device)
            except (Failure, OSError) as trouble:
                return Outcome(f"no result: {trouble}", False)


def main() -> int:
    options = arguments()
    raise_on_signals()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    stage = Stage(options)
    cells = [(kind, layout) for kind in options.kinds for layout in kind.layouts]
    outcomes = []
    try:
        for kind, layout in cells:
            begin = time.monotonic()
            outcomes.append((stage.vmq(kind, layout), stage.dpdk(kind, layout)))
            word = "ok" if outcomes[-1][0].good else "FAILED"
            print(f"{word:8}{kind.name} {layout} ({time.monotonic() - begin:.1f} s)", flush=True)
    except Stopped as stopped:
        return 128 + stopped.number
    print(table.markdown_table(HEAD, [(kind.story, layout, ours.what, theirs.what)
                                      for (kind, layout), (ours, theirs) in zip(cells, outcomes)]))
    if options.json:
        write_record(options.json, cells, outcomes)
    failed = sum(not ours.good for ours, _ in outcomes)
    skipped = len(cells) if stage.no_dpdk else 0  # DPDK's half of them
    print(f"{len(cells) - failed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


def write_record(path: Path, cells: list, outcomes: list) -> None:
    record = [{"kind": kind.name, "ring": layout, "vmq": vars(ours), "dpdk": vars(theirs)}
              for (kind, layout), (ours, theirs) in zip(cells, outcomes)]
    path.write_text(json.dumps({"machine": machine.describe(), "cells": record}, indent=1) + "\n")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests/hostile/run", description=__doc__)
    known = {kind.name: kind for kind in KINDS}
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(known)}; all when none is named")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the record")
    parser.add_argument("--build", metavar="DIR", help="take the backend and vmq_bench_jobs of this build, as it is")
    parser.add_argument("--tools", metavar="DIR", help="take mqperf from here; build nothing")
    options = parser.parse_args()
    if unknown := set(options.kinds) - set(known):
        parser.error(f"no misdeed is called {' or '.join(sorted(unknown))}")
    options.kinds = [known[name] for name in options.kinds] or list(KINDS)
    return options


if __name__ == "__main__":
    sys.exit(main())
