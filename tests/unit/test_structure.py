"""What the code is made of: layers, modules, lengths and what an import costs."""

from __future__ import annotations

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.fresh import printed

ROOT = Path(__file__).parents[2]
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
FUNCTION = [ROOT / "index.py", *sorted((ROOT / "handler").rglob("*.py"))]
SOURCES = [*FUNCTION, *sorted((ROOT / "console").rglob("*.py"))]

LONGEST = 40  # lines of a function
GLANCE = 20  # nine in ten are shorter
# One `match` over all treatments stays in one piece.
TABLES = {"refused"}
PURE = (
    "handler.core.planner",
    "handler.core.policy",
    "handler.core.protocol",
    "handler.events",
    "handler.core.settings",
)
COSTLY = re.compile(r"alibabacloud_\w+|Tea|darabonba|aiohttp|ssl|requests|structlog|fc2")


def layers() -> dict[str, int]:
    """How high each name of the diagram stands; 0 is the top."""
    (diagram,) = re.findall(r"^```text\n(index\n.*?)^```$", ARCHITECTURE, re.MULTILINE | re.DOTALL)
    assert len(set(diagram.split())) == len(diagram.split())
    lines = [line.split() for line in diagram.splitlines()]
    return {name: height for height, names in enumerate(lines) for name in names}


def module_of(path: Path) -> str:
    """The dotted name of a source file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def layer_of(module: str) -> str | None:
    """The name by which the diagram knows a module; None for the package itself."""
    parts = module.split(".")
    return module if parts == ["index"] else (parts[1] if parts[1:] else None)


def imports_of(path: Path) -> set[str]:
    """The modules of the function that a source file imports when it runs."""
    names: set[str] = set()
    for node in _running(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {each.name for each in node.names}
        if isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{each.name}" for each in node.names}
    known = {module_of(each) for each in FUNCTION}
    return {_longest(name, known) for name in names if name.startswith("handler.")}


def _longest(name: str, known: set[str]) -> str:
    """The module that `name` names, or in which it stands."""
    return name if name in known else name.rpartition(".")[0]


def _running(tree: ast.AST) -> list[ast.AST]:
    """The nodes of a tree, without what stands under `if TYPE_CHECKING`."""
    found: list[ast.AST] = [tree]
    for child in ast.iter_child_nodes(tree):
        typing_only = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
        found += [] if typing_only else _running(child)
    return found


def test_diagram_shows_every_package_once() -> None:
    """The diagram has every package of the function, and nothing else."""
    assert set(layers()) == {layer_of(module_of(path)) for path in FUNCTION} - {None}


@pytest.mark.parametrize("path", FUNCTION, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_imports_only_what_the_diagram_shows_below_it(path: Path) -> None:
    """No module imports one of another package of its own line or of a higher one."""
    height, own = layers(), layer_of(module_of(path))
    others = {layer_of(each) for each in imports_of(path)} - {own, None}
    assert {name for name in others if own and name and height[name] <= height[own]} == set()


def test_no_modules_import_each_other() -> None:
    """Within a package, too, imports never go in a circle."""
    graph = {module_of(path): imports_of(path) - {module_of(path)} for path in FUNCTION}
    assert set(TopologicalSorter(graph).static_order()) >= set(graph)


def test_every_module_is_listed_with_its_job() -> None:
    """The table of modules has one row per source file."""
    rows = re.findall(r"^\| `([\w/]+\.py)` \| \S.* \|$", ARCHITECTURE, re.MULTILINE)
    expected = sorted(str(path.relative_to(ROOT)) for path in SOURCES)
    assert sorted(rows) == expected, "edit the table of modules in docs/architecture.md"


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
    """No function but tables has more than 40 lines, and nine in ten have fewer than 20."""
    found = lengths()
    long = {name.split()[1] for name, lines in found.items() if lines > LONGEST}
    assert long <= TABLES
    assert sum(lines < GLANCE for lines in found.values()) >= 0.9 * len(found)


@pytest.mark.parametrize("module", PURE)
def test_deciding_modules_load_nothing_costly(module: str) -> None:
    """Importing a module that decides loads no SDK, no HTTP client, no TLS and no log."""
    script = f"import {module}, sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    assert [name for name in printed(script).split() if COSTLY.fullmatch(name)] == []
