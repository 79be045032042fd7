"""The subpackages import each other only down the list of pyproject.toml, and there are no import cycles."""

from __future__ import annotations

import ast
import graphlib
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = "layers/seqdrop/seqdrop"


def lint(tree: Path) -> subprocess.CompletedProcess:
    """Run the import check of `make lint` on a copy of the package."""
    command = [Path(sys.executable).with_name("lint-imports"), "--config", tree / "pyproject.toml", "--no-cache"]
    environment = {"PYTHONPATH": str(tree / "layers/seqdrop"), "PATH": ""}
    return subprocess.run(list(map(str, command)), cwd=tree, env=environment, capture_output=True, text=True)


@pytest.fixture
def tree(repository, tmp_path) -> Path:
    """A copy of the package, which a test may change."""
    shutil.copyfile(repository / "pyproject.toml", tmp_path / "pyproject.toml")
    shutil.copytree(repository / ROOT, tmp_path / ROOT, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_imports_go_down_the_list(tree):
    process = lint(tree)
    assert process.returncode == 0, process.stdout


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
    process = lint(tree)
    assert process.returncode == 1, process.stdout
    package = line.split("seqdrop.")[1].split(" ")[0]
    assert f"seqdrop.{module.removesuffix('.py').replace('/', '.')} -> seqdrop.{package}" in process.stdout


def test_every_subpackage_is_on_the_list(repository):
    """A new folder must be added to the list."""
    text = (repository / "pyproject.toml").read_text()
    packages = [path.name for path in (repository / ROOT).iterdir() if (path / "__init__.py").is_file()]
    assert [package for package in packages if f'"{package}"' not in text] == []


def read_imports(root: Path) -> dict[str, set[str]]:
    """Return the modules of the package that each module imports, including imports for type checking."""
    modules = {".".join(path.relative_to(root).with_suffix("").parts): path for path in root.rglob("*.py")}
    graph = {}
    for name, path in modules.items():
        nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
        names = {f"{node.module}.{alias.name}" for node in nodes for alias in node.names}
        names |= {node.module for node in nodes}
        graph[name] = {module.removeprefix("seqdrop.") for module in names if module} & set(modules) - {name}
    return graph


def test_there_is_no_import_cycle(repository):
    graphlib.TopologicalSorter(read_imports(repository / ROOT)).prepare()


def test_an_import_cycle_is_found(tree):
    path = tree / ROOT / "reads/fasta_records.py"
    path.write_text(f"{path.read_text()}\nfrom seqdrop.reads.fasta import Fasta\n")
    with pytest.raises(graphlib.CycleError):
        graphlib.TopologicalSorter(read_imports(tree / ROOT)).prepare()


def test_every_package_is_installed(repository):
    listed = tomllib.loads((repository / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = [
        path.parent.relative_to(repository / root)
        for root, name in (("layers/seqdrop", "seqdrop"), ("cli", "seqdrop_cli"))
        for path in (repository / root / name).rglob("__init__.py")
    ]
    assert sorted(listed) == sorted(".".join(folder.parts) for folder in folders)
