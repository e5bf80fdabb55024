"""The suite has teeth: deliberate defects, planted by name, and the test that catches each.

`make mutations` plants each in a copy of the tree, runs the named test there, which must fail for
an expectation that is not met, and writes what it saw into docs/promises.md.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.chaos.defects import DEFECTS, Defect
from tests.chaos.report import ROOT, today, write_table

if TYPE_CHECKING:
    from collections.abc import Sequence

TREE = (
    "handler",
    "console",
    "localcloud",
    "deploy",
    "tests",
    "events",
    "docs",
    "index.py",
    "README.md",
    "CHANGELOG.md",
)
SETUP = ("pyproject.toml", "CONTRIBUTING.md", "Makefile")
PASSED, FAILED = 0, 1  # pytest's exit status when tests have run; others: they could not
# What pytest says of a test whose expectation was not met, or that a ValueError came out of the
# function; an import error, say, catches nothing.
UNMET = re.compile(
    r"^FAILED .*? - ((?:AssertionError|assert |Failed: DID NOT RAISE|ValueError).*)", re.M
)
PATIENCE = 420.0
SHOWN = 120  # characters of why a test failed


class NotPlanted(Exception):
    """The code has nothing that reads like what is to be replaced."""


def source_of(defect: Defect, tree: Path) -> Path:
    """The file of a defect's function."""
    return (tree / defect.where.partition(":")[0].replace(".", "/")).with_suffix(".py")


def planted(defect: Defect, source: str) -> str:
    """The source of a module with the defect in it.

    Raises:
        NotPlanted: the function is not there, or an edit finds nothing in it.
    """
    module = ast.parse(source)
    function = _found(module, defect.where.partition(":")[2].split("."))
    if function is None:
        raise NotPlanted(f"{defect.where} is not there")
    for old, new in defect.edits:
        edit = _Edit(old, new)
        edit.visit(function)
        if not edit.made:
            raise NotPlanted(f"{defect.where} has nothing that reads: {old}")
    return ast.unparse(ast.fix_missing_locations(module)) + "\n"


def _found(inside: ast.AST, path: list[str]) -> ast.AST | None:
    """A function by the names that lead to it."""
    for node in ast.iter_child_nodes(inside):
        if getattr(node, "name", None) == path[0]:
            return node if not path[1:] else _found(node, path[1:])
    return None


class _Edit(ast.NodeTransformer):
    """Replaces what reads like one piece of source by another one."""

    def __init__(self, old: str, new: str) -> None:
        self.made = 0
        (statement,), self._new = ast.parse(old).body, ast.parse(new).body
        self._old = statement.value if isinstance(statement, ast.Expr) else statement
        self._like = ast.dump(self._old)

    def visit(self, node: ast.AST) -> Any:
        """The node, or what takes its place."""
        if type(node) is not type(self._old) or ast.dump(node) != self._like:
            return self.generic_visit(node)
        self.made += 1
        if isinstance(self._old, ast.stmt):
            return self._new
        (only,) = self._new
        assert isinstance(only, ast.Expr)
        return only.value


def plant(defect: Defect, tree: Path) -> None:
    """Put the defect into a tree."""
    path = source_of(defect, tree)
    path.write_text(planted(defect, path.read_text(encoding="utf-8")), encoding="utf-8")


def copy(tree: Path) -> None:
    """Copy what the tests need."""
    for name in (*TREE, *SETUP):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tree / name)


@dataclass(frozen=True)
class Ran:
    """How a test ended.

    Attributes:
        status: pytest's exit status.
        output: what pytest wrote.
    """

    status: int
    output: str

    @property
    def unmet(self) -> str:
        """The expectation that was not met; empty when it is not one that made the test fail."""
        found = UNMET.search(self.output)
        return found[1] if found and self.status == FAILED else ""


def run(test: str, tree: Path) -> Ran:
    """Run a test in a tree. The same seed each time, and no shrinking."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-rf", "-p", "no:cacheprovider"]
    environ = os.environ | {
        "HYPOTHESIS_PROFILE": "mutations",
        "PYTHONPATH": str(tree),
        "COLUMNS": "1000",  # pytest cuts its summary to the width of the screen
    }
    ended = subprocess.run(  # noqa: S603
        [*command, "--hypothesis-seed=0", test],
        cwd=tree,
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return Ran(ended.returncode, ended.stdout)


def tried(defect: Defect) -> Ran:
    """How the named test ends with the defect."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        copy(tree)
        plant(defect, tree)
        return run(defect.caught_by, tree)


def main(*names: str) -> int:
    """Plant all of them, or those that are named; the tests must pass without any."""
    chosen = [each for each in DEFECTS if not names or each.name in names]
    pass_without(sorted({each.caught_by for each in chosen}))
    missed = [
        each for number, each in enumerate(chosen, start=1) if not _seen(each, number, chosen)
    ]
    if not missed and not names:
        write_table("mutations", table(chosen))
    return 1 if missed else 0


def pass_without(tests: list[str]) -> None:
    """See that the tests pass when no defect is planted."""
    with tempfile.TemporaryDirectory() as folder:
        copy(Path(folder))
        for number, test in enumerate(tests, start=1):
            began = time.monotonic()
            ended = run(test, Path(folder))
            if ended.status != PASSED:
                raise SystemExit(f"{test} fails without a defect:\n{ended.output}")
            took = time.monotonic() - began
            say(f"without a defect {number}/{len(tests)} {test}: passes, {took:.0f} s")


def _seen(defect: Defect, number: int, chosen: Sequence[Defect]) -> bool:
    """Try one and show whether it was caught."""
    began = time.monotonic()
    ended = tried(defect)
    said = f"caught by {ended.unmet[:SHOWN]}" if ended.unmet else f"MISSED\n{ended.output}"
    took = time.monotonic() - began
    say(f"{number}/{len(chosen)} {defect.name}: {took:.0f} s, {said}")
    return bool(ended.unmet)


def table(chosen: list[Defect]) -> str:
    """The defects as they stand in the documentation."""
    rows = [f"| `{each.name}` | {each.what} | `{each.caught_by}` |" for each in chosen]
    head = ["| mutation | defect | caught by |", "|---|---|---|"]
    return "\n".join([*head, *rows, "", f"All {len(rows)} were caught on {today()}."])


def say(line: str) -> None:
    """Show progress."""
    print(line, flush=True)  # noqa: T201  (a command)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
