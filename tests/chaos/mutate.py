"""The suite has teeth: deliberate defects, one patch each, and the test that catches it.

`make mutations` plants each in a copy of the tree, runs the named test there, which must fail, and
writes what it saw into docs/promises.md.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.report import ROOT, today, write_table

PATCHES = Path(__file__).parent / "mutations"
TREE = ("handler", "tests", "events", "docs", "index.py", "README.md", "CHANGELOG.md")
SETUP = ("pyproject.toml", "CONTRIBUTING.md", "Makefile")
TESTS_FAILED = 1  # pytest's exit status when tests have run and some failed
PATIENCE = 420.0


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


def run(test: str, tree: Path) -> int:
    """Run a test in a tree; pytest's exit status. The same seed each time, and no shrinking."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    environ = os.environ | {"HYPOTHESIS_PROFILE": "mutations", "PYTHONPATH": str(tree)}
    ended = subprocess.run(  # noqa: S603
        [*command, "--hypothesis-seed=0", test],
        cwd=tree,
        env=environ,
        stdout=subprocess.DEVNULL,
        timeout=PATIENCE,
        check=False,
    )
    return ended.returncode


def caught(mutation: Mutation) -> bool:
    """Whether the named test fails because of the defect."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        copy(tree)
        if why_not := plant(mutation, tree):
            raise SystemExit(f"{mutation.name} cannot be planted: {why_not}")
        return run(mutation.caught_by, tree) == TESTS_FAILED


def main(*names: str) -> int:
    """Plant all of them, or those that are named; the tests must pass without any."""
    chosen = [each for each in mutations() if not names or each.name in names]
    with tempfile.TemporaryDirectory() as folder:
        copy(Path(folder))
        for test in sorted({each.caught_by for each in chosen}):
            say(f"without a defect: {test}")
            if run(test, Path(folder)) != 0:
                raise SystemExit(f"{test} fails without a defect")
    missed = []
    for number, mutation in enumerate(chosen, start=1):
        began = time.monotonic()
        is_caught = caught(mutation)
        missed += [] if is_caught else [mutation.name]
        said = "caught" if is_caught else "MISSED"
        say(f"{number}/{len(chosen)} {mutation.name}: {said}, {time.monotonic() - began:.0f} s")
    if not missed and not names:
        write_table("mutations", table(chosen))
    return 1 if missed else 0


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
