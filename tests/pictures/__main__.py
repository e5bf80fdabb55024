"""`make pictures`: makes every picture again and puts it where the documentation shows it."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.pictures import page, sequence, terminal
from tests.stage import forget_proxies

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
FOLDER = ROOT / "docs/pictures"
TERMINAL, DIGEST = FOLDER / "terminal.svg", FOLDER / "fleet.sha256"
BEGIN, END = "<!-- written by make pictures: begin -->", "<!-- written by make pictures: end -->"


def between(text: str) -> str:
    """What stands between the marks of the README."""
    return text.partition(BEGIN)[2].partition(END)[0]


def block(mermaid: str) -> str:
    """The sequence as the README has it between its marks."""
    return f"\n```mermaid\n{mermaid}\n```\n"


def main() -> int:
    """Write them; the exit status is 1 where one could not be made."""
    forget_proxies()
    text = README.read_text(encoding="utf-8")
    if not between(text):
        raise ValueError(f"{README.name}: the marks {BEGIN} and {END} are not there")
    README.write_text(text.replace(between(text), block(sequence.drawn())), encoding="utf-8")
    FOLDER.mkdir(exist_ok=True)
    TERMINAL.write_text(terminal.drawn(), encoding="utf-8")
    html = page.page()
    try:
        for scheme, picture in page.photographed(html).items():
            (FOLDER / f"fleet-{scheme}.png").write_bytes(picture)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)  # noqa: T201  (a command speaks)
        return 1
    DIGEST.write_text(f"{page.digest(html)}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
