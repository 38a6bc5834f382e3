"""`script/manage`: Django's management commands with the services of a data folder."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from cdp.runtime import embedded
from cdp.runtime.errors import RuntimeFailure

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(prog="script/manage", add_help=False, allow_abbrev=False)
    parser.add_argument("--data", type=Path, default=embedded.DEFAULT_DATA)
    own, rest = parser.parse_known_args()
    try:
        with embedded.environment(own.data) as environment:
            return subprocess.call([sys.executable, str(ROOT / "manage.py"), *rest], env=environment)
    except RuntimeFailure as failure:
        print(failure, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
