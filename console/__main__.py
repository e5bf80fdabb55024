"""`secondary-ips`, or `python -m console`: the operator's command. Only wiring."""

from __future__ import annotations

import sys

_MISSING = (
    "secondary-ips needs typer and rich: "
    "pip install --require-hashes -r requirements.txt -r requirements-operator.txt\n"
)
_TOO_OLD = (
    "secondary-ips needs Python 3.10 or newer, and this is {0}.{1}: "
    "run make setup PYTHON=python3.12, or python3.12 -m venv\n"
)


def main() -> int:
    """Run the command; 2 when it cannot run here."""
    if sys.version_info < (3, 10):  # noqa: UP036  (somebody may start it with an older one)
        sys.stderr.write(_TOO_OLD.format(*sys.version_info))
        return 2
    try:
        from console.main import run  # noqa: PLC0415  (an optional install)
    except ModuleNotFoundError as error:
        if error.name not in {"typer", "rich"}:
            raise
        sys.stderr.write(_MISSING)
        return 2
    return run()


if __name__ == "__main__":
    sys.exit(main())
