"""Rooms of the package: imports only go down their list, and none goes in a circle."""

from __future__ import annotations

import ast
import graphlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = "layers/seqdrop/seqdrop"


def lint(tree: Path) -> subprocess.CompletedProcess:
    """Run what `make lint` runs, on a copy of the package."""
    command = [Path(sys.executable).with_name("lint-imports"), "--config", tree / "pyproject.toml", "--no-cache"]
    environment = {"PYTHONPATH": str(tree / "layers/seqdrop"), "PATH": ""}
    return subprocess.run(list(map(str, command)), cwd=tree, env=environment, capture_output=True, text=True)


@pytest.fixture
def tree(repository, tmp_path) -> Path:
    """A copy that may be changed."""
    shutil.copyfile(repository / "pyproject.toml", tmp_path / "pyproject.toml")
    shutil.copytree(repository / ROOT, tmp_path / ROOT, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_imports_go_down_the_list(tree):
    done = lint(tree)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("reads/codes.py", "from seqdrop.ledger import moves"),
        ("aws/errors.py", "from seqdrop.stages import routing"),
        ("uploads.py", "from seqdrop.reads import codes"),
        ("config/fields.py", "def late():\n    from seqdrop.runtime import services\n"),
    ],
)
def test_an_import_that_goes_up_is_refused(tree, module, line):
    path = tree / ROOT / module
    path.write_text(f"{path.read_text()}\n{line}\n")
    done = lint(tree)
    assert done.returncode == 1, done.stdout
    room = line.split("seqdrop.")[1].split(" ")[0]
    assert f"seqdrop.{module.removesuffix('.py').replace('/', '.')} -> seqdrop.{room}" in done.stdout


def test_every_room_is_on_the_list(repository):
    """A new folder is nowhere in the order until someone says where."""
    text = (repository / "pyproject.toml").read_text()
    rooms = [path.name for path in (repository / ROOT).iterdir() if (path / "__init__.py").is_file()]
    assert [room for room in rooms if f'"{room}"' not in text] == []


def imports(root: Path) -> dict[str, set[str]]:
    """Module → modules of the package that it imports, type checking included."""
    modules = {".".join(path.relative_to(root).with_suffix("").parts): path for path in root.rglob("*.py")}
    found = {}
    for name, path in modules.items():
        nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
        names = {f"{node.module}.{alias.name}" for node in nodes for alias in node.names}
        names |= {node.module for node in nodes}
        found[name] = {one.removeprefix("seqdrop.") for one in names if one} & set(modules) - {name}
    return found


def test_no_import_goes_in_a_circle(repository):
    graphlib.TopologicalSorter(imports(repository / ROOT)).prepare()


def test_a_circle_would_be_found(tree):
    path = tree / ROOT / "reads/fasta_records.py"
    path.write_text(f"{path.read_text()}\nfrom seqdrop.reads.fasta import Fasta\n")
    with pytest.raises(graphlib.CycleError):
        graphlib.TopologicalSorter(imports(tree / ROOT)).prepare()
