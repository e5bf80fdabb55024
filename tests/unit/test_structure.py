"""What the code is made of: layers, modules, lengths and what an import costs."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.fresh import printed

ROOT = Path(__file__).parents[2]
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
SOURCES = [ROOT / "index.py", *sorted((ROOT / "handler").rglob("*.py"))]

LONGEST = 40  # lines of a function
GLANCE = 20  # nine in ten are shorter
PURE = (
    "handler.planner",
    "handler.policy",
    "handler.pursuit",
    "handler.events",
    "handler.settings",
)
COSTLY = re.compile(r"alibabacloud_\w+|Tea|darabonba|aiohttp|ssl|requests|structlog|fc2")


def layers() -> dict[str, int]:
    """How high each name of the diagram stands; 0 is the top."""
    (diagram,) = re.findall(r"^```text\n(index\n.*?)^```$", ARCHITECTURE, re.MULTILINE | re.DOTALL)
    assert len(set(diagram.split())) == len(diagram.split())
    lines = [line.split() for line in diagram.splitlines()]
    return {name: height for height, names in enumerate(lines) for name in names}


def layer_of(path: Path) -> str | None:
    """The name by which the diagram knows a source file; None for the package itself."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    name = parts[0] if len(parts) == 1 else parts[1]
    return None if name == "__init__" else name


def imports_of(path: Path) -> set[str]:
    """The names in the diagram that a source file imports when it runs."""
    names: set[str] = set()
    for node in _running(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {each.name for each in node.names}
        if isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{each.name}" for each in node.names}
    return {name.split(".")[1] for name in names if name.startswith("handler.")}


def _running(tree: ast.AST) -> list[ast.AST]:
    """The nodes of a tree, without what stands under `if TYPE_CHECKING`."""
    found: list[ast.AST] = [tree]
    for child in ast.iter_child_nodes(tree):
        typing_only = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
        found += [] if typing_only else _running(child)
    return found


def test_diagram_shows_every_module_once() -> None:
    """The diagram has every module and package of the function, and nothing else."""
    assert set(layers()) == {layer_of(path) for path in SOURCES} - {None}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_imports_only_what_the_diagram_shows_below_it(path: Path) -> None:
    """No module imports one of its own line or of a higher one, but for its own package."""
    height, own = layers(), layer_of(path)
    wrong = {name for name in imports_of(path) - {own} if own and height[name] <= height[own]}
    assert wrong == set()


def test_every_module_is_listed_with_its_job() -> None:
    """The table of modules has one row per source file."""
    rows = re.findall(r"^\| `([\w/]+\.py)` \| \S.* \|$", ARCHITECTURE, re.MULTILINE)
    assert sorted(rows) == sorted(str(path.relative_to(ROOT)) for path in SOURCES)


def lengths() -> dict[str, int]:
    """Lines of every function, signature included and docstring left out."""
    return {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": _length(node)
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    docstring = _lines(node.body[0]) if ast.get_docstring(node) is not None else 0
    return _lines(node) - docstring


def _lines(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_functions_fit_in_a_glance() -> None:
    """No function has more than 40 lines, and nine in ten have fewer than 20."""
    found = lengths()
    assert {name: lines for name, lines in found.items() if lines > LONGEST} == {}
    assert sum(lines < GLANCE for lines in found.values()) >= 0.9 * len(found)


@pytest.mark.parametrize("module", PURE)
def test_deciding_modules_load_nothing_costly(module: str) -> None:
    """Importing a module that decides loads no SDK, no HTTP client, no TLS and no log."""
    script = f"import {module}, sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    assert [name for name in printed(script).split() if COSTLY.fullmatch(name)] == []
