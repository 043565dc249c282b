"""Where flows arrive: on the pair that the library's arithmetic says, whatever the table, the key and the number of pairs."""

from __future__ import annotations

import json
import random
import re
import socket
import struct
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Optional, Sequence

import guestcase
from guestcase import GuestCase

from examples import example
from lab.config import GuestConfig
from lab.tap import DEVICE, GUEST_ADDRESS

FLOWS = 1000
IN_FLIGHT = 64  # requests that wait for an answer at a time
GUEST_MAC = bytes.fromhex("525400123456")
HOST_MAC = bytes.fromhex("020000000001")
ANSWER_SECONDS = 5.0
# The program asks its device for the configuration every 50 ms.
NOTICE_SECONDS = 0.5
Flow = tuple[str, int, int]  # the peer's address and port, and the guest's port


def frame(flow: Flow) -> bytes:
    source, source_port, port = flow
    udp = struct.pack("!HHHH", source_port, port, 8, 0)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28, 0, 0, 64, 17, 0, socket.inet_aton(source), socket.inet_aton(GUEST_ADDRESS))
    words = sum(struct.unpack("!10H", ip))
    words = (words & 0xFFFF) + (words >> 16)
    words = ~((words & 0xFFFF) + (words >> 16)) & 0xFFFF
    return GUEST_MAC + HOST_MAC + b"\x08\x00" + ip[:10] + struct.pack("!H", words) + ip[12:] + udp


def answer_in(data: bytes) -> Optional[tuple[Flow, dict[str, object]]]:
    """The flow that is answered, and what the program says of it."""
    if len(data) < 42 or data[:6] != HOST_MAC or data[12:14] != b"\x08\x00" or data[23] != 17:
        return None
    port, source_port, length = struct.unpack("!HHH", data[34:40])
    words = data[42:34 + length].decode().split()
    if words[:1] != ["pair"]:
        return None
    said: dict[str, object] = {"pair": int(words[1])}
    if len(words) > 2:
        said |= {"expected": int(words[3]), "hash": words[5], "own": words[7], "ports": [int(word) for word in words[9:]]}
    return (socket.inet_ntoa(data[30:34]), source_port, port), said


class Steering(GuestCase):
    config = GuestConfig(queues=4, cpus=4, memory=1024)

    @classmethod
    def files(cls) -> Sequence[Path]:
        guestcase.programs()  # which builds the library with them
        return [example("where", guestcase.tools_folder)]

    def start(self, words: str = "") -> None:
        self.bind()
        job = self.machine.guest.start(f"exec where {self.machine.nic} {words}")
        self.addCleanup(self._end, job)
        deadline = time.monotonic() + 30
        while self.run_in_guest(f"mqctl show {self.machine.nic}").code != 0:
            self.assertFalse(job.done(), "the program ended")
            self.assertLess(time.monotonic(), deadline, "the program does not answer mqctl")
            time.sleep(0.2)
        time.sleep(NOTICE_SECONDS)
        self.wire = self.machine.tap.space.call(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800)))
        self.wire.bind((DEVICE, 0x0800))
        self.wire.settimeout(0.2)
        self.addCleanup(self.wire.close)

    @staticmethod
    def _end(job) -> None:
        job.signal("TERM")
        job.wait(15)

    def ask(self, flows: Sequence[Flow]) -> dict[Flow, dict]:
        """Each flow's answer; a request without one is asked again, as a tap may drop what is queued for a pair that goes."""
        answers: dict[Flow, dict] = {}
        for attempt in range(3):
            waiting = [flow for flow in flows if flow not in answers]
            for begin in range(0, len(waiting), IN_FLIGHT):
                self._ask_some(waiting[begin:begin + IN_FLIGHT], answers)
        self.assertEqual(len(answers), len(set(flows)), "requests without an answer")
        return answers

    def _ask_some(self, flows: Sequence[Flow], answers: dict[Flow, dict]) -> None:
        open_flows = set(flows)
        for flow in flows:
            self.wire.send(frame(flow))
        deadline = time.monotonic() + ANSWER_SECONDS
        while open_flows and time.monotonic() < deadline:
            try:
                found = answer_in(self.wire.recv(2048))
            except TimeoutError:
                continue
            if found is not None and found[0] in open_flows:
                open_flows.discard(found[0])
                answers[found[0]] = found[1]

    def mqctl(self, words: str) -> None:
        self.succeed(f"mqctl {words} {self.machine.nic}")
        time.sleep(NOTICE_SECONDS)

    def random_flows(self, seed: int, count: int = FLOWS) -> list[Flow]:
        chance = random.Random(seed)
        return [(f"10.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(1, 255)}", chance.randrange(1024, 65536),
                 chance.randrange(1024, 65536)) for _ in range(count)]


class Hashed(Steering):
    """QEMU's device with rss=on,hash=on steers by hash and table."""

    config = GuestConfig(queues=4, cpus=4, memory=1024, rss=True)

    def expect_as_said(self, answers: dict[Flow, dict], pairs: set[int]) -> None:
        wrong = {flow: said for flow, said in answers.items() if said["pair"] != said["expected"]}
        self.assertEqual(wrong, {}, f"{len(wrong)} of {len(answers)} flows on another pair")
        self.assertEqual({flow: said for flow, said in answers.items() if said["hash"] != said["own"]}, {})
        self.assertEqual({said["pair"] for said in answers.values()}, pairs)

    def test_a_reset_changes_no_flow(self) -> None:
        self.start()
        self.mqctl("combined 3")
        self.mqctl("rss weight 1 0 3")
        flows = self.random_flows(11, 200)
        before = self.ask(flows)
        self.expect_as_said(before, {0, 2})
        for _ in range(10):
            self.mqctl("reset")
            after = self.ask(flows)
            self.expect_as_said(after, {0, 2})
            self.assertEqual({flow: said["pair"] for flow, said in after.items()},
                             {flow: said["pair"] for flow, said in before.items()}, "the key is another")

    def test_flows_arrive_where_the_library_says(self) -> None:
        self.start()
        self.expect_as_said(self.ask(self.random_flows(1)), {0, 1, 2, 3})
        self.mqctl("combined 2")
        self.expect_as_said(self.ask(self.random_flows(2)), {0, 1})
        self.mqctl("combined 3")
        self.expect_as_said(self.ask(self.random_flows(3)), {0, 1, 2})
        self.mqctl("rss weight 1 0 3")
        answers = self.ask(self.random_flows(4))
        self.expect_as_said(answers, {0, 2})
        on_two = sum(said["pair"] == 2 for said in answers.values())
        self.assertTrue(650 < on_two < 850, f"pair 2 has weight 3 of 4 and got {on_two} of {len(answers)} flows")
        self.mqctl("rss key " + "6d5a" * 20)
        self.expect_as_said(self.ask(self.random_flows(5)), {0, 2})
        self.mqctl("rss default")
        self.expect_as_said(self.ask(self.random_flows(6)), {0, 1, 2})

    def test_a_local_port_brings_the_replies_to_a_pair(self) -> None:
        self.start()
        peers = self.random_flows(7)
        wanted = {}
        for flow, said in self.ask(peers).items():
            self.assertEqual(len(said["ports"]), 4)
            for pair, port in enumerate(said["ports"]):
                self.assertTrue(49152 <= port <= 65535, f"no port of {flow} for pair {pair}")
                wanted[flow[0], flow[1], port] = pair
        self.assertEqual(len(wanted), 4 * FLOWS)
        answers = self.ask(list(wanted))
        self.assertEqual({flow: said for flow, said in answers.items() if said["pair"] != wanted[flow]}, {})


    def test_auto_evens_out_what_is_uneven(self) -> None:
        self.start()
        pair_of = {flow: said["pair"] for flow, said in self.ask(self.random_flows(11)).items()}
        load = [flow for place, flow in enumerate(pair_of) if pair_of[flow] == 0 or place % 4 == 0]
        with self.sending(load):
            lines = self.succeed(f"mqctl rss auto {self.machine.nic}").splitlines()
        skews = [float(re.match(r"the busiest pair received ([0-9.]+) of the mean", line)[1]) for line in lines]
        self.assertGreater(skews[0], 1.5)
        self.assertLess(skews[-1], 1.2, lines)
        self.assertIn(", 0 of 128 table entries moved", lines[-1])
        time.sleep(NOTICE_SECONDS)
        self.expect_as_said(self.ask(self.random_flows(12)), {0, 1, 2, 3})

    @contextmanager
    def sending(self, flows: Sequence[Flow]) -> Iterator[None]:
        """All of the flows over and over, a thousand packets a second."""
        stop = threading.Event()

        def send() -> None:
            while not stop.is_set():
                for flow in flows:
                    self.wire.send(frame(flow))
                    stop.wait(0.001)

        thread = threading.Thread(target=send)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


class Learned(Steering):
    """Without RSS a tap sends a flow to the pair that last sent it."""

    def test_flows_answered_where_they_arrived_stay_there(self) -> None:
        self.start()
        flows = self.random_flows(8)
        for begin in range(0, FLOWS, 250):  # a tap forgets a flow after three seconds
            some = flows[begin:begin + 250]
            first = self.ask(some)
            self.assertEqual({said["pair"] for said in first.values()}, {0, 1, 2, 3})
            for _ in range(3):
                again = self.ask(some)
                moved = {flow: (first[flow], again[flow]) for flow in some if first[flow] != again[flow]}
                self.assertEqual(moved, {})

    def test_handed_off_flows_are_served_by_their_owners(self) -> None:
        self.start("hand-off")
        answers = self.ask(self.random_flows(9))
        self.assertEqual({flow: said for flow, said in answers.items() if said["pair"] != said["expected"]}, {})
        self.assertEqual({said["pair"] for said in answers.values()}, {0, 1, 2, 3})
        pairs = json.loads(self.succeed(f"mqstat --json {self.machine.nic}"))[0]["pairs"]
        handed_off = sum(pair["rx_handed_off"] for pair in pairs)
        self.assertGreater(handed_off, FLOWS / 4, "the tap knows nothing of the owners: most flows arrive elsewhere")
        self.assertEqual(sum(pair["rx_taken_in"] for pair in pairs), handed_off)
        self.mqctl("combined 2")
        answers = self.ask(self.random_flows(10))
        self.assertEqual({flow: said for flow, said in answers.items() if said["pair"] != said["expected"]}, {})
        self.assertEqual({said["pair"] for said in answers.values()}, {0, 1})
