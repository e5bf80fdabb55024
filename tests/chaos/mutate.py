"""The suite has teeth: deliberate defects, one patch each, and the test that catches it.

`make mutations` plants each in a copy of the tree, runs the named test there, which must fail for
an expectation that is not met, and writes what it saw into docs/promises.md.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.chaos.report import ROOT, today, write_table

if TYPE_CHECKING:
    from collections.abc import Sequence

PATCHES = Path(__file__).parent / "mutations"
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


@dataclass(frozen=True)
class Mutation:
    """A deliberate defect.

    Attributes:
        what: the defect in one sentence.
        caught_by: a test, or a file of tests, that fails because of it.
    """

    path: Path
    what: str
    caught_by: str

    @property
    def name(self) -> str:
        """The name of the patch."""
        return self.path.stem


def mutations() -> list[Mutation]:
    """All of them, by name. A patch begins with the defect and the test."""
    found = []
    for path in sorted(PATCHES.glob("*.patch")):
        what, caught_by = path.read_text(encoding="utf-8").splitlines()[:2]
        found.append(Mutation(path, what, caught_by.removeprefix("Caught by: ")))
    return found


def plant(mutation: Mutation, tree: Path, *, check: bool = False) -> str:
    """Apply the patch to a tree, or only see whether it could be; why not, if so."""
    command = ["git", "apply", *(["--check"] if check else []), str(mutation.path)]
    environ = os.environ | {"GIT_CEILING_DIRECTORIES": str(tree.parent)}
    ended = subprocess.run(  # noqa: S603
        command, cwd=tree, env=environ, capture_output=True, text=True, check=False
    )
    return ended.stderr if ended.returncode else ""


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


def tried(mutation: Mutation) -> Ran:
    """How the named test ends with the defect."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        copy(tree)
        if why_not := plant(mutation, tree):
            raise SystemExit(f"{mutation.name} cannot be planted: {why_not}")
        return run(mutation.caught_by, tree)


def main(*names: str) -> int:
    """Plant all of them, or those that are named; the tests must pass without any."""
    chosen = [each for each in mutations() if not names or each.name in names]
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


def _seen(mutation: Mutation, number: int, chosen: Sequence[Mutation]) -> bool:
    """Try one and show whether it was caught."""
    began = time.monotonic()
    ended = tried(mutation)
    said = f"caught by {ended.unmet[:SHOWN]}" if ended.unmet else f"MISSED\n{ended.output}"
    took = time.monotonic() - began
    say(f"{number}/{len(chosen)} {mutation.name}: {took:.0f} s, {said}")
    return bool(ended.unmet)


def table(chosen: list[Mutation]) -> str:
    """The defects as they stand in the documentation."""
    rows = [f"| `{each.name}` | {each.what} | `{each.caught_by}` |" for each in chosen]
    head = ["| mutation | defect | caught by |", "|---|---|---|"]
    return "\n".join([*head, *rows, "", f"All {len(rows)} were caught on {today()}."])


def say(line: str) -> None:
    """Show progress."""
    print(line, flush=True)  # noqa: T201  (a command)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
