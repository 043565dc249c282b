"""A guest that does not boot: told from where it hangs, and tried once more."""

import contextlib
import io
import unittest
from unittest import mock

import guestcase
from lab import machine
from lab.config import GuestConfig
from lab.errors import LabError
from lab.machine import Machine


class HangsAtFirst(Machine):
    """Takes its first QEMU for one that hangs."""

    tries = 0

    def _is_up(self) -> bool:
        self.tries += 1
        return self.tries > 1 and super()._is_up()


class Boot(unittest.TestCase):
    """Guests without programs."""

    def setUp(self) -> None:
        if reason := guestcase.reason_to_skip():
            self.skipTest(reason)

    def start(self, kind: type[Machine]) -> tuple[Machine, str]:
        with contextlib.redirect_stderr(io.StringIO()) as said:
            made = kind(GuestConfig(), guestcase.guest_kernel(), guestcase.acceleration(), guestcase.qemu())
        self.addCleanup(made.close)
        return made, said.getvalue()

    def test_one_that_hangs_is_booted_once_more(self) -> None:
        made, said = self.start(HangsAtFirst)
        self.assertEqual(made.tries, 2)
        self.assertRegex(said, r"^the guest shows no sign of life in 90 s \([ER]IP=\w+.*\): booted once more\n$")
        self.assertEqual(made.guest.require("echo up"), "up\n")

    def test_one_that_hangs_twice_is_given_up(self) -> None:
        with mock.patch.object(machine, "BOOT_TIMEOUT", 0.1), self.assertRaisesRegex(LabError, "no sign of life in 0.1 s, twice .*IP="):
            self.start(Machine)
