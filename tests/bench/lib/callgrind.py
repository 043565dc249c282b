"""Instructions per packet of a job's loop, counted by callgrind."""
import dataclasses
import pathlib
import re
import subprocess
import tempfile

RINGS = ("split", "packed")
JOBS = ("send", "receive", "forward")
BURSTS = (1, 8, 32)
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


def all_cells():
    return [CountedCell(ring, job, burst, in_order, mergeable) for ring in RINGS for job in JOBS for burst in BURSTS
            for in_order in (False, True) for mergeable in (False, True)]


class CountFailure(Exception):
    """The text says why a cell could not be counted."""


def instructions_per_packet(program, cell):
    with tempfile.TemporaryDirectory(prefix="vmq-count-") as folder:
        out = pathlib.Path(folder) / "callgrind"
        command = ["valgrind", "--tool=callgrind", "--quiet", "--collect-atstart=no",
                   f"--toggle-collect=counted_{cell.job}", f"--callgrind-out-file={out}", str(program), *cell.options()]
        try:
            done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            raise CountFailure(f"not done after {SECONDS} s") from None
        if done.returncode or not done.stdout.strip().isdigit():
            raise CountFailure("; ".join(done.stderr.strip().splitlines()[-3:]) or f"ended with {done.returncode}")
        total = re.search(r"^(?:totals|summary): (\d+)", out.read_text(), re.MULTILINE)
    if not total or total[1] == "0":
        raise CountFailure("callgrind collected nothing")
    return int(total[1]) / int(done.stdout)
