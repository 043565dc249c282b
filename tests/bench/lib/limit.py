"""The machine's own limit: what two processors can do that hand each other the lines of a ring and do nothing else."""
import json
import subprocess

from lib.processes import Failure

MEASUREMENTS = 55  # of one run: the line latency, and two layouts, three jobs, three bursts, three numbers of lines
ROUND_MS = 20      # of each of them in a round
SECONDS = 60
# Lines of a packet itself that cross with the minimal backend: it reads and writes no payload.
PACKET_LINES = 0


class Limit:
    """Takes part in a cell's rounds as a party does. It has its own two threads on the same two processors."""

    def __init__(self, programs, cpus, cell):
        self._command = [programs["vmq_bench_limit"], "--cpus", ",".join(map(str, cpus)), "--time"]
        self._cell = cell

    def run(self, _milliseconds=None):
        try:
            done = subprocess.run([*map(str, self._command), str(ROUND_MS)], capture_output=True, text=True,
                                  stdin=subprocess.DEVNULL, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            raise Failure(f"vmq_bench_limit: not done after {SECONDS} s") from None
        if done.returncode:
            raise Failure(f"vmq_bench_limit: {done.stderr.strip()}")
        result = json.loads(done.stdout)
        rate = next(cell["packets_per_second"] for cell in result["cells"] if self._is_ours(cell))
        return {"packets": rate, "seconds": 1, "line_latency_ns": result["line_latency_ns"]}

    def _is_ours(self, cell):
        ours = self._cell
        job = "send" if ours.job == "ping" else ours.job
        return (cell["layout"], cell["job"], cell["burst"], cell["packet_lines"]) \
            == (ours.ring, job, ours.burst, PACKET_LINES)


def seconds():
    return MEASUREMENTS * ROUND_MS / 1000


def limited(cell):
    """Whether the cell's rounds include the limit's: the backend must not be what limits."""
    return cell.backend == "a" and cell.pairs == 1 and cell.burst == 32 and cell.size == 64 and cell.job != "ping"
