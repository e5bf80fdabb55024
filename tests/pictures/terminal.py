"""A plan in a terminal: the command itself is run, and what it prints is drawn as SVG."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

ROOT = Path(__file__).parents[2]
SHOWN = ("plan", "--all", "--local", "--rows", "5")
COLUMNS = 100
# A dark window with a border: it is read on a light page as on a dark one.
BACKGROUND = (13, 17, 23)
THEME = TerminalTheme(
    BACKGROUND,
    (230, 237, 243),
    [
        *((13, 17, 23), (255, 123, 114), (63, 185, 80), (242, 204, 96)),
        *((121, 184, 255), (210, 168, 255), (86, 211, 219), (230, 237, 243)),
    ],
)
# The template of rich without its web font: an image loads nothing, and a page should not.
CODE = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" width="{width}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace; font-size: {char_height}px; line-height: {line_height}px }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: system-ui, sans-serif }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""  # noqa: E501  (a document of its own)


def drawn() -> str:
    """The terminal after the command, as SVG."""
    console = Console(file=io.StringIO(), record=True, width=COLUMNS, force_terminal=True)
    console.print(Text(f"$ secondary-ips {' '.join(SHOWN)}", style="bold"))
    console.print(Text.from_ansi(printed().rstrip()))
    svg = console.export_svg(
        title="secondary-ips", theme=THEME, code_format=CODE, unique_id="terminal"
    )
    return "".join(f"{line.rstrip()}\n" for line in svg.splitlines() if line.strip())


def printed() -> str:
    """What the command prints to a terminal, colours included, with no settings of this machine."""
    known = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    terminal = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
    done = subprocess.run(  # noqa: S603  (this interpreter)
        [sys.executable, "-m", "console", *SHOWN],
        check=False,
        cwd=ROOT,
        env=known | terminal | {"PYTHONIOENCODING": "utf-8", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    if not done.stdout:
        raise RuntimeError(f"the command printed nothing, but: {done.stderr}")
    return done.stdout
