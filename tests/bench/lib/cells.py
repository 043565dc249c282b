"""The cells of the comparison: what is measured, one by one."""
import dataclasses

RINGS = ("split", "packed")
JOBS = ("send", "receive", "forward")
BURSTS_AND_SIZES = ((1, 64), (8, 64), (32, 64), (32, 1500))
BACKENDS = {"a": "minimal", "b": "dpdk-vhost"}
DPDK_SPLIT_VECTOR_BURST = 8  # the least that DPDK's vectorised split receive hands out


@dataclasses.dataclass(frozen=True)
class Cell:
    backend: str  # a or b
    ring: str
    job: str
    burst: int
    size: int
    in_order: bool
    mergeable: bool
    pairs: int = 1
    sleep: bool = False  # of ping

    @property
    def name(self):
        """Such as `a split send burst 32 of 64 in-order mergeable 1 pair`."""
        words = [self.backend, self.ring, self.job]
        words += ["sleeping" if self.sleep else "polling"] if self.job == "ping" else ["burst", str(self.burst)]
        words += ["of", str(self.size)]
        words += ["in-order"] * self.in_order + ["mergeable"] * self.mergeable
        return " ".join(words + [str(self.pairs), "pair" if self.pairs == 1 else "pairs"])

    @property
    def backend_mode(self):
        return {"send": "drop", "receive": "flood", "forward": "both", "ping": "forward"}[self.job]

    def _switches(self):
        return {"--packed": self.ring == "packed", "--in-order": self.in_order, "--mergeable": self.mergeable}

    def _missing(self, option):
        """By name what the ring is not to have, for programs that know everything by themselves."""
        names = {"--packed": "RING_PACKED", "--in-order": "IN_ORDER", "--mergeable": "MRG_RXBUF"}
        return [word for switch, on in self._switches().items() if not on for word in (option, names[switch])]

    def _job(self):
        return ["--job", self.job, "--burst", self.burst, "--size", self.size, "--pairs", self.pairs] \
            + ["--sleep"] * self.sleep

    def vmq_command(self, socket):
        return ["vmq_bench_jobs", "--device", f"vhost-user:{socket}", *self._job(), *self._missing("--refuse")]

    def dpdk_command(self, socket):
        """With DPDK's vector routines, except where its split receive would never return a packet."""
        vectorized = self.ring == "packed" or self.burst >= DPDK_SPLIT_VECTOR_BURST
        command = ["vmq_bench_dpdk", "--socket", socket, *self._job(), *self._switched_on()]
        return command + ["--vectorized"] * vectorized

    def backend_command(self, socket):
        shape = ["--socket", socket, "--mode", self.backend_mode, "--size", self.size, "--pairs", self.pairs]
        if self.backend == "b":
            return ["vmq_bench_dpdk_vhost", *shape, *self._switched_on()]
        return ["vmq_bench_backend", *shape, "--inject", 0, *self._missing("--without")]

    def _switched_on(self):
        return [switch for switch, on in self._switches().items() if on]


def throughput_cells(pairs=(1, 2), backends=BACKENDS):
    return [Cell(backend, ring, job, burst, size, in_order, mergeable, count)
            for count in pairs for backend in backends for ring in RINGS for job in JOBS
            for burst, size in BURSTS_AND_SIZES for in_order in (False, True) for mergeable in (False, True)]


def ping_cells(backends=BACKENDS):
    return [Cell(backend, ring, "ping", 1, 64, False, False, 1, sleep)
            for backend in backends for ring in RINGS for sleep in (False, True)]


def all_cells():
    return throughput_cells() + ping_cells()


def quick_cells():
    """Both rings, all jobs and both backends at burst 32 as DPDK likes them best, and one ping."""
    best = [cell for cell in throughput_cells((1,)) if (cell.burst, cell.size) == (32, 64) and not cell.mergeable
            and cell.in_order == (cell.ring == "packed")]
    return best + [cell for cell in ping_cells(("a",)) if cell.ring == "split"]
