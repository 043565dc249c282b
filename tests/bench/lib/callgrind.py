"""Instructions per packet of a job's loop, counted by callgrind."""
import dataclasses
import os
import pathlib
import re
import subprocess
import tempfile

RINGS = ("split", "packed")
JOBS = ("send", "receive", "forward")
BURSTS = (1, 8, 32)
SIZES = (1500, 65400)
WAYS = ("copied", "attached")
PAYLOAD_PACKETS = 4096
# `rep movsb` would be counted once for each byte: copies are made by vector loops, whatever their length.
ENVIRONMENT = {"GLIBC_TUNABLES": "glibc.cpu.x86_rep_movsb_threshold=1000000000"}
SECONDS = 300


@dataclasses.dataclass(frozen=True)
class CountedCell:
    ring: str
    job: str
    burst: int
    in_order: bool
    mergeable: bool

    @property
    def name(self):
        """Such as `packed send burst 32 in-order`."""
        features = [" in-order"] * self.in_order + [" mergeable"] * self.mergeable
        return f"{self.ring} {self.job} burst {self.burst}" + "".join(features)

    def options(self):
        return ["--job", self.job, "--burst", str(self.burst)] + ["--packed"] * (self.ring == "packed") \
            + ["--in-order"] * self.in_order + ["--mergeable"] * self.mergeable


@dataclasses.dataclass(frozen=True)
class PayloadCell:
    """Packets of the application's own bytes, of the size that one segment has, or many that the device cuts."""
    ring: str
    way: str  # copied into the packet or attached to it
    size: int

    @property
    def job(self):
        return f"send_{self.way}"

    @property
    def name(self):
        """Such as `packed send of 65400 attached`."""
        return f"{self.ring} send of {self.size} {self.way}"

    def options(self):
        return ["--job", self.job, "--size", str(self.size), "--packets", str(PAYLOAD_PACKETS)] \
            + ["--packed"] * (self.ring == "packed")


def payload_cells():
    return [PayloadCell(ring, way, size) for ring in RINGS for size in SIZES for way in WAYS]


def all_cells():
    return payload_cells() + [CountedCell(ring, job, burst, in_order, mergeable) for ring in RINGS for job in JOBS for burst in BURSTS
            for in_order in (False, True) for mergeable in (False, True)]


class CountFailure(Exception):
    """The text says why a cell could not be counted."""


def instructions_per_packet(program, cell):
    with tempfile.TemporaryDirectory(prefix="vmq-count-") as folder:
        out = pathlib.Path(folder) / "callgrind"
        command = ["valgrind", "--tool=callgrind", "--quiet", "--collect-atstart=no",
                   f"--toggle-collect=counted_{cell.job}", f"--callgrind-out-file={out}", str(program), *cell.options()]
        try:
            done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=SECONDS,
                                  env=os.environ | ENVIRONMENT)
        except subprocess.TimeoutExpired:
            raise CountFailure(f"not done after {SECONDS} s") from None
        if done.returncode or not done.stdout.strip().isdigit():
            raise CountFailure("; ".join(done.stderr.strip().splitlines()[-3:]) or f"ended with {done.returncode}")
        total = re.search(r"^(?:totals|summary): (\d+)", out.read_text(), re.MULTILINE)
    if not total or total[1] == "0":
        raise CountFailure("callgrind collected nothing")
    return int(total[1]) / int(done.stdout)
