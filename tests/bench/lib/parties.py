"""Who takes part in a cell: frontends with a backend each, of which one runs at a time."""
import contextlib
import pathlib
import tempfile

from lib.processes import Process, wait_for_socket

WARM_UP_MS = 50


class Party:
    """A frontend and its backend. Except in run() the backend is held by SIGSTOP and the frontend hears nothing."""

    def __init__(self, backend, frontend):
        self.backend = backend
        self.frontend = frontend
        self.description = {}

    def prepare(self):
        self.description = self.frontend.ready()
        self.frontend.go(WARM_UP_MS)
        self.backend.freeze()

    def run(self, milliseconds):
        self.backend.thaw()
        try:
            return self.frontend.go(milliseconds)
        finally:
            self.backend.freeze()


class Lineup:
    """Starts the parties of one cell and ends them."""

    def __init__(self, programs, cpus):
        self._programs = programs
        self._cpus = cpus
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        self._folder = pathlib.Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="vmq-bench-")))
        return self

    def __exit__(self, *details):
        return self._stack.__exit__(*details)

    def party(self, name, cell, shared=False):
        """name: vmq or dpdk. shared: each pair's driver and backend share a processor and yield it when idle."""
        socket = self._folder / name
        driver, device = (self._cpus, self._cpus) if shared else ([self._cpus[0]], [self._cpus[1]])
        yields = ["--yield"] * shared
        backend = self._start([*cell.backend_command(socket), "--cpus", _list(device), *yields])
        wait_for_socket(socket, backend)
        command = cell.dpdk_command(socket) if name.startswith("dpdk") else cell.vmq_command(socket)
        frontend = self._start([*command, "--cpus", _list(driver), *yields])
        party = Party(backend, frontend)
        party.prepare()
        return party

    def _start(self, command):
        program, *words = command
        return self._stack.enter_context(Process([self._programs[program], *words]))


def _list(cpus):
    return ",".join(map(str, cpus))


def alternate(parties, rounds, milliseconds):
    """One round after another of each party, the order turning; a list of results for each name."""
    results = {name: [] for name in parties}
    for number in range(rounds):
        order = list(parties)
        for name in order if number % 2 == 0 else reversed(order):
            results[name].append(parties[name].run(milliseconds))
    return results
