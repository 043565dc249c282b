"""What a guest can tell about something in it that does not end: for the text of a failure."""

from __future__ import annotations

from lab.errors import LabError
from lab.machine import Machine

# Kernel stacks: of every task of a program, because VFIO waits for a device's last user in state S too, and of the kernel's own
# tasks in state D. Who holds VFIO's files. The kernel's last words.
_QUESTIONS = {
    "tasks": r"""
        for task in /proc/[0-9]*/task/[0-9]*; do
            words=$(tr '\0' ' ' <$task/cmdline) state=$(sed -n 's/^State:.//p' $task/status)
            [ -z "$words" ] && [ "${state#D}" = "$state" ] && continue
            echo "$task $(cat $task/comm), $state: $words"
            sed 's/^/    /' $task/stack
        done 2>/dev/null | head -n 400""",
    "holders of /dev/vfio": """
        for file in /proc/[0-9]*/fd/*; do
            case $(readlink $file) in *vfio*) echo "$file -> $(readlink $file)" ;; esac
        done""",
    "dmesg": "dmesg | tail -n 60",
}
_TIMEOUT = 20.0


def story(machine: Machine) -> str:
    return "\n".join(f"-- {title}\n{_ask(machine, command)}" for title, command in _QUESTIONS.items())


def _ask(machine: Machine, command: str) -> str:
    try:
        result = machine.guest.run(command, _TIMEOUT)
    except LabError as error:  # the guest may be past answering; the other questions are still worth asking
        return str(error)
    return (result.out + result.err).rstrip() or "none"
