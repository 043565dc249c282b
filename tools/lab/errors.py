"""Errors that end a lab run with one line for the person at the terminal."""


class LabError(Exception):
    """Something the lab needs is missing or failed; the text says what and, where there is one, the cure."""


class GuestTimeout(LabError):
    """A command in the guest did not end in time."""
