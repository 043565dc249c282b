"""Namespaces and taps need root, or a user namespace in which one is root."""

from __future__ import annotations

import os
import subprocess
import sys

from lab.errors import LabError

_UNSHARE = ["unshare", "--user", "--map-root-user"]


def ensure() -> None:
    """Returns if this process may make a namespace; otherwise starts the same command anew where it may."""
    if os.geteuid() == 0:
        return
    allowed = subprocess.run([*_UNSHARE, "true"], capture_output=True, check=False).returncode == 0
    if not allowed:
        raise LabError("not root, and this machine allows no unprivileged user namespaces: run it with sudo")
    os.execvp(_UNSHARE[0], [*_UNSHARE, sys.executable, "-m", "lab", *sys.argv[1:]])
