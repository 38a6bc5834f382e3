"""`python -m cdp.runtime`: the embedded services of a data folder from the command line."""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from pathlib import Path

from cdp.runtime import embedded
from cdp.runtime.errors import RuntimeFailure


def _env(arguments: argparse.Namespace) -> int:
    """Start the services to stay, and print what a shell can `eval`."""
    services = embedded.Services(arguments.data, durable=not arguments.volatile)
    addresses = services.start(keep=True)
    for name, value in services.environment(addresses).items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


def _stop(arguments: argparse.Namespace) -> int:
    embedded.Services(arguments.data).stop()
    return 0


def _run(arguments: argparse.Namespace) -> int:
    """Run a command with the services of the data folder; they are stopped after it unless somebody else uses them."""
    with embedded.environment(arguments.data, durable=not arguments.volatile) as environment:
        command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
        return subprocess.run(command, env=environment).returncode


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m cdp.runtime")
    commands = parser.add_subparsers(required=True)
    for name, action in (("env", _env), ("stop", _stop), ("run", _run)):
        command = commands.add_parser(name, help=action.__doc__)
        command.add_argument("--data", type=Path, default=embedded.DEFAULT_DATA)
        command.add_argument("--volatile", action="store_true", help="quicker; for throw-away data only")
        command.set_defaults(action=action)
        if name == "run":
            command.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    try:
        return int(arguments.action(arguments))
    except RuntimeFailure as failure:
        print(failure, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
