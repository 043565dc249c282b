"""Pairs, interrupts and threads stay where they belong: vCPUs go and come back under traffic, and strangers move things."""

from __future__ import annotations

import time
from typing import Callable

from guestcase import GuestCase
from lab.application import Echo
from lab.config import GuestConfig

SETTLE = 10.0  # seconds; the application looks once a second, and an emulated vCPU takes its time to go and come


class Placement(GuestCase):
    """Four pairs, a vCPU each."""

    config = GuestConfig(queues=4, cpus=4)

    def setUp(self) -> None:
        super().setUp()
        self.bind()
        self.addCleanup(self.run_in_guest, "for cpu in 1 2 3; do echo 1 >/sys/devices/system/cpu/cpu$cpu/online; done")

    def switch(self, cpu: int, online: bool) -> None:
        self.succeed(f"echo {int(online)} >/sys/devices/system/cpu/cpu{cpu}/online")

    def rows(self, echo: Echo) -> list[dict]:
        return [row for row in echo.map()["map"] if row["pair"] is not None]

    def places(self, echo: Echo) -> dict[int, int]:
        return {row["pair"]: row["thread_cpu_wanted"] for row in self.rows(echo)}

    def as_wanted(self, rows: list[dict]) -> bool:
        """Pair, interrupts and thread in one place, and nothing to complain of."""
        return all(
            row["irq_cpu_wanted"] == row["thread_cpu_wanted"] == row["thread_cpu"]
            and row["irq_cpus"] == str(row["irq_cpu_wanted"])
            and row["trouble"] is None
            for row in rows
        )

    def await_places(self, echo: Echo, reached: Callable[[dict[int, int]], bool]) -> dict[int, int]:
        deadline = time.monotonic() + SETTLE
        while True:
            rows = self.rows(echo)
            places = {row["pair"]: row["thread_cpu_wanted"] for row in rows}
            if reached(places) and self.as_wanted(rows):
                return places
            self.assertLess(time.monotonic(), deadline, f"not placed anew:\n{echo.map()}")
            time.sleep(0.2)

    def settled(self, home: dict[int, int], places: dict[int, int], gone: set[int]) -> bool:
        """Every pair at home, but for those whose vCPU is gone: they are on one that is not."""
        return all(cpu not in gone if home[pair] in gone else cpu == home[pair] for pair, cpu in places.items())

    def assert_threads_are_there(self, echo: Echo) -> None:
        """Not what the application says, but what the kernel does."""
        for row in self.rows(echo):
            text = self.succeed(f"grep Cpus_allowed_list /proc/$(pidof mqperf)/task/{row['thread_id']}/status")
            self.assertEqual(text.split()[1], str(row["thread_cpu_wanted"]))

    def carry(self, echo: Echo, seconds: float = 2.0) -> None:
        before = echo.pairs()
        time.sleep(seconds)
        self.assert_carried(before, echo.pairs(), self.config.queues)

    def test_vcpus_go_and_come_back_under_traffic(self) -> None:
        echo = self.start_echo()
        home = self.await_places(echo, lambda places: sorted(places.values()) == [0, 1, 2, 3])
        flows = self.flows()
        self.carry(echo)
        for gone in ({2}, {2, 3}, {3}):
            for cpu in (2, 3):
                self.switch(cpu, cpu not in gone)
            self.await_places(echo, lambda now: self.settled(home, now, gone))
            self.assert_threads_are_there(echo)
            self.carry(echo)
        self.switch(3, True)
        self.assertEqual(self.await_places(echo, lambda now: now == home), home)
        self.assert_threads_are_there(echo)
        self.carry(echo)
        self.assert_answered(flows.stop())
        self.assertEqual(echo.stop().code, 0)

    def test_a_vcpu_goes_while_pairs_come_and_go(self) -> None:
        echo = self.start_echo()
        home = self.await_places(echo, lambda places: sorted(places.values()) == [0, 1, 2, 3])
        self.assertEqual(echo.combined(2).code, 0)
        lost = home[1]
        if lost == 0:
            self.skipTest("pair 1 has vCPU 0, which cannot go")
        self.switch(lost, False)
        refuge = self.await_places(echo, lambda now: now[1] != lost)[1]
        self.assertNotEqual(refuge, home[0], "beside the other pair in use, although vCPUs of parked pairs were free")
        flows = self.flows()
        for count in (4, 1, 3, 2, 4):
            answer = echo.combined(count)
            self.assertEqual((answer.code, answer.err), (0, ""))
            self.await_places(echo, lambda now: lost not in now.values())
        self.switch(lost, True)
        self.await_places(echo, lambda now: now == home)
        self.assert_answered(flows.stop())

    def test_the_cpuset_changes_under_traffic(self) -> None:
        group = "/sys/fs/cgroup/app"
        made = f"mount -t cgroup2 none /sys/fs/cgroup && echo +cpuset >/sys/fs/cgroup/cgroup.subtree_control && mkdir {group}"
        if self.run_in_guest(made).code != 0:
            self.skipTest("no cpuset in the guest's cgroups")
        self.addCleanup(self.run_in_guest, "umount /sys/fs/cgroup")
        echo = self.start_echo()
        home = self.await_places(echo, lambda places: sorted(places.values()) == [0, 1, 2, 3])
        flows = self.flows()
        self.succeed(f"echo $(pidof mqperf) >{group}/cgroup.procs")
        for cpus in ({1, 2}, {3}, {0, 1}, {0, 1, 2, 3}):
            self.succeed(f"echo {','.join(map(str, sorted(cpus)))} >{group}/cpuset.cpus")
            self.await_places(echo, lambda now: self.settled(home, now, {0, 1, 2, 3} - cpus))
            self.assert_threads_are_there(echo)
            self.carry(echo)
        self.assert_answered(flows.stop())

    def test_a_stranger_moves_interrupts(self) -> None:
        echo = self.start_echo()
        self.await_places(echo, lambda places: sorted(places.values()) == [0, 1, 2, 3])
        flows = self.flows()
        row = next(row for row in self.rows(echo) if row["pair"] == 1)
        file = f"/proc/irq/{row['irq']}/smp_affinity_list"
        wanted, elsewhere = row["irq_cpu_wanted"], (row["irq_cpu_wanted"] + 1) % 4
        for times in (1, 2, 3):
            seconds = self.succeed(f"""
                echo {elsewhere} >{file}
                start=$(cut -d' ' -f1 /proc/uptime)
                while [ "$(cat {file})" != {wanted} ]; do sleep 0.1; done
                echo "$start $(cut -d' ' -f1 /proc/uptime)" """).split()
            self.assertLess(float(seconds[1]) - float(seconds[0]), 1.0, "repaired within a second")
            counted = [vector for vector in echo.interrupts()["vectors"] if vector["irq"] == row["irq"]]
            self.assertEqual([vector["moved"] for vector in counted], [times])
            again = next(now for now in self.rows(echo) if now["irq"] == row["irq"])
            self.assertEqual(again["irq_moved"], times)
        self.await_places(echo, lambda places: sorted(places.values()) == [0, 1, 2, 3])
        self.assert_answered(flows.stop())

    def test_a_stranger_moves_a_thread(self) -> None:
        if self.run_in_guest("taskset -p $$").code != 0:
            self.skipTest("no taskset in the guest")
        echo = self.start_echo()
        self.await_places(echo, lambda places: sorted(places.values()) == [0, 1, 2, 3])
        thread = self.rows(echo)[0]["thread_id"]
        self.succeed(f"taskset -p f {thread}")
        time.sleep(2.0)
        self.assert_threads_are_there(echo)
