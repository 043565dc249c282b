"""mqlab's commands, their options, and what happens on ^C."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path
from typing import Optional, Sequence

from lab import accel, backports, build, kernel, options, privileges, script, shell
from lab.demo import Demo
from lab.errors import LabError
from lab.machine import Machine

EXIT_FAILED = 1
EXIT_SIGNAL = 128


def main(arguments: Sequence[str]) -> int:
    parsed = _parser().parse_args(arguments)
    raise_on_signals()
    try:
        return parsed.command(parsed)
    except LabError as error:
        print(f"mqlab: {error}", file=sys.stderr)
        return EXIT_FAILED
    except Stopped as stopped:
        print(f"mqlab: stopped by {signal.Signals(stopped.number).name}", file=sys.stderr)
        return EXIT_SIGNAL + stopped.number


class Stopped(KeyboardInterrupt):
    """A signal that asks the lab to end; nothing but main is to catch it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def raise_on_signals() -> None:
    wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def stop(number: int, _: object) -> None:
        for each in wanted:  # from here on the lab only clears up, which takes seconds at most
            signal.signal(each, signal.SIG_IGN)
        raise Stopped(number)

    for each in wanted:
        signal.signal(each, stop)


def _say(text: str) -> None:
    print(f"mqlab: {text}", file=sys.stderr, flush=True)


def _boot(parsed: argparse.Namespace, files: Sequence[Path] = (), shell_words: Optional[str] = None) -> Machine:
    config = options.guest_config(parsed)
    programs = build.programs(parsed.tools)
    image = kernel.find(parsed.kernel)
    privileges.ensure()
    qemu = backports.qemu() if parsed.qemu == backports.WORD else parsed.qemu
    chosen = accel.choose(parsed.accel, image, qemu, _say)
    machine = Machine(config, image, chosen, qemu, programs, files, shell_words or "", shell_words is not None)
    _say(
        f"Linux {image.version}, {config.cpus} vCPUs, virtio-net with {config.queues} queue pairs, {chosen.upper()}, "
        f"up after {machine.boot_seconds:.1f} s"
    )
    return machine


def _demo(parsed: argparse.Namespace) -> int:
    with _boot(parsed) as machine:
        demo = Demo(machine, lambda text: print(text, flush=True))
        passed = demo.run()
    print("\n".join(demo.checks.lines()))
    print("PASS" if passed else "FAIL")
    if parsed.json is not None:
        text = json.dumps(demo.result, indent=2) + "\n"
        try:
            Path(parsed.json).write_text(text, encoding="utf-8")
        except OSError as error:
            raise LabError(f"{parsed.json}: {error.strerror}") from error
    return 0 if passed else EXIT_FAILED


def _shell(parsed: argparse.Namespace) -> int:
    with _boot(parsed, [Path(name) for name in parsed.add], shell.kernel_words()) as machine:
        return shell.run(machine)


def _run(parsed: argparse.Namespace) -> int:
    path = Path(parsed.script)
    if not os.access(path, os.R_OK):
        raise LabError(f"{path}: cannot be read")
    with _boot(parsed, [path, *map(Path, parsed.add)]) as machine:
        return script.run(machine, path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mqlab", description="A QEMU guest with a multiqueue virtio-net, on a machine that has nothing prepared."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="boots, binds, sends traffic, changes the number of queue pairs; says PASS or FAIL")
    demo.add_argument("--json", metavar="FILE", help="write what the tables show, and the verdict, to FILE")
    demo.set_defaults(command=_demo)

    prompt = commands.add_parser("shell", help="a prompt in the same guest")
    prompt.set_defaults(command=_shell)

    run = commands.add_parser("run", help="runs a shell script in the guest and returns its exit code")
    run.add_argument("script", metavar="SCRIPT")
    run.set_defaults(command=_run)

    for command in (prompt, run):
        command.add_argument("--add", action="append", default=[], metavar="FILE", help="a further file for the guest's /lab")
    for command in (demo, prompt, run):
        options.add_guest_options(command)
    return parser
