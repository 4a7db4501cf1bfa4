"""Who may import whom, and other rules that hold for every module."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "mremapdsl"
MODULES = sorted(path.relative_to(ROOT) for path in PACKAGE.rglob("*.py"))

ALLOWED: dict[str, set[str]] = {
    "ops": set(),
    "program": {"ops"},
    "backend": {"ops"},
    "record": {"backend", "program"},
    "layout": {"backend", "program"},
    "steprefs": {"backend", "program"},
    "lasting": {"backend"},
    "expectations": {"backend", "layout", "program", "record"},
    "actual": {"backend", "expectations", "layout", "program"},
    "running": {"actual", "backend", "expectations", "lasting", "ops", "program", "record", "steprefs"},
    "exhaustive": {"backend", "program", "record", "running"},
    "runner": {"backend", "exhaustive", "expectations", "ops", "program", "record", "running", "steprefs"},
    "lang": {"lang", "ops", "program"},
    "model": {"backend", "model", "ops"},
    "trace": {"backend", "layout", "ops", "program", "record", "trace"},
    "live": {"backend", "live", "ops"},
}
"""Unit -> the units that it may import. Those that are not listed may import all but ``cli``."""
HEAVY = ("asyncio", "dataclasses", "inspect", "lark", "pathlib", "subprocess", "tempfile", "textwrap", "unittest")
MOST_LINES = 60
"""Of a function."""


def unit(module: str) -> str:
    """``mremapdsl.lang.parse`` -> ``lang``."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def module_name(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def imports(tree: ast.AST) -> Iterator[str]:
    """The modules of ours that a module imports, wherever it does."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            assert node.module is not None
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def parse(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_imports_only_what_its_unit_may(path: Path) -> None:
    own = unit(module_name(path))
    found = {unit(name) for name in imports(parse(path)) if name.startswith("mremapdsl.")} - {"__version__"}
    if own in ALLOWED:
        assert found <= ALLOWED[own], f"{own} must not import {sorted(found - ALLOWED[own])}"
    elif own not in ("cli", "__main__"):
        assert "cli" not in found


@pytest.mark.parametrize("path", [p for p in MODULES if unit(module_name(p)) == "model"], ids=str)
def test_the_model_never_learns_which_kernel_it_follows(path: Path) -> None:
    if path.name in ("kernels.py", "series.py"):
        return
    named = re.compile(r"linux-\d|relocate-(rfc|v\d|auto)")
    tree = parse(path)
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            assert not named.search(node.value), f"line {node.lineno}: {node.value!r}"


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_functions_are_short(path: Path) -> None:
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.FunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= MOST_LINES, f"{node.name} has {lines} lines"


def imported(*arguments: str) -> set[str]:
    """The modules that a run of the program imports."""
    code = "import sys; from mremapdsl.cli import main; main(sys.argv[1:]); print('\\n'.join(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(run.stdout.splitlines())


def test_a_run_starts_without_heavy_modules() -> None:
    bare = subprocess.run(
        [sys.executable, "-c", "import sys; print('\\n'.join(sys.modules))"], capture_output=True, text=True, check=True
    )
    found = imported("-q", "-c", "mmap A 16; expect vmas 1") - set(bare.stdout.splitlines())
    assert not found & set(HEAVY)
    assert "mremapdsl.trace.text" not in found


def test_importing_the_package_imports_nothing_of_it() -> None:
    code = "import sys, mremapdsl; print([m for m in sys.modules if m.startswith('mremapdsl.')])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert run.stdout == "[]\n"
