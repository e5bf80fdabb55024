"""`secondary-ips`, or `python -m console`: the operator's command. Only wiring."""

from __future__ import annotations

import sys

_MISSING = (
    "secondary-ips needs typer and rich: "
    "pip install --require-hashes -r requirements.txt -r requirements-operator.txt\n"
)


def main() -> int:
    """Run the command; 2 when it is not installed."""
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
