"""The code in a model or training archive is complete: each import resolves to the archive or to the container."""

from __future__ import annotations

import ast
import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from seqdrop_cli.deploy.archive import pack_model, unpack
from seqdrop_cli.deploy.model_code import find_modules
from seqdrop_cli.deploy.training_code import pack_program

from tests.support.model_code import MODEL_CODE

# What SageMaker's Hugging Face containers have; peft is imported by a job that asks for LoRA.
CONTAINER = {"numpy", "torch", "transformers", "safetensors", "peft"}
SEEDS = {"dnabert": "promoter-70", "protein": "cnn-ss3"}
families = pytest.mark.parametrize("family", SEEDS)


def model_archive(family: str) -> bytes:
    return pack_model(MODEL_CODE / family / "seeds" / SEEDS[family])


ARCHIVES = {f"{family}: {kind}": (family, kind) for family in SEEDS for kind in ("model", "training")}


@pytest.fixture(params=ARCHIVES)
def modules(request) -> dict[str, ast.Module]:
    """The modules of an archive that is built as users build it, by their path relative to the container's folder."""
    family, kind = ARCHIVES[request.param]
    body = model_archive(family) if kind == "model" else pack_program(MODEL_CODE / family)
    root = "code/" if kind == "model" else ""
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        sources = {member.name: tar.extractfile(member).read() for member in tar if member.name.endswith(".py")}
    return {name.removeprefix(root): ast.parse(source) for name, source in sources.items()}


def imports(tree: ast.Module) -> set[tuple[str, str]]:
    """Return (module, name) of every import in the code; name is "" if the module itself is imported."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {(alias.name, "") for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import does not work in a module that is run as a script"
            names |= {(node.module, alias.name) for alias in node.names}
    return names


def bound_names(tree: ast.Module) -> set[str]:
    """Return the names that a module binds at its top level."""
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    targets = [
        node
        for statement in tree.body
        if isinstance(statement, ast.Assign | ast.AnnAssign)
        for node in ast.walk(statement)
    ]
    names |= {node.id for node in targets if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return names | {name or module for module, name in imports(tree)}


def file_of(module: str, files: dict[str, ast.Module]) -> str | None:
    path = module.replace(".", "/")
    return next((name for name in (f"{path}.py", f"{path}/__init__.py") if name in files), None)


def test_every_import_resolves(modules):
    for name, tree in modules.items():
        for module, attribute in imports(tree):
            file = file_of(module, modules)
            if file is None:
                assert module.partition(".")[0] in CONTAINER | sys.stdlib_module_names, f"{name} imports {module}"
            elif attribute:
                is_bound = attribute in bound_names(modules[file]) or file_of(f"{module}.{attribute}", modules)
                assert is_bound, f"{name} imports {attribute} of {module}"


def test_an_archive_has_its_entry_point_and_the_shared_modules(modules, request):
    kind = request.node.callspec.params["modules"].rpartition(" ")[2]
    assert {"model": "inference.py", "training": "train.py"}[kind] in modules
    assert {"common/__init__.py", "common/json_lines.py", "common/processors.py"} <= set(modules)


@families
def test_no_module_of_a_family_has_the_name_of_an_installed_module(family):
    """One of the two would hide the other."""
    names = {Path(name).stem for name in find_modules(MODEL_CODE / family)} | {"common"}
    assert names.isdisjoint(CONTAINER | sys.stdlib_module_names)


def test_code_that_does_not_import_common_is_packed_without_it(tmp_path):
    (tmp_path / "inference.py").write_text("import json  # not from common\n")
    assert set(find_modules(tmp_path)) == {"inference.py"}
    (tmp_path / "more.py").write_text("def late():\n    from common.json_lines import split_lines\n")
    assert {"common/__init__.py", "common/json_lines.py", "more.py"} <= set(find_modules(tmp_path))
    assert find_modules(tmp_path)["common/json_lines.py"] == MODEL_CODE / "common/json_lines.py"


@pytest.mark.parametrize("place", [".", ".."])
def test_a_folder_may_have_its_own_common(tmp_path, place):
    folder = tmp_path / "code"
    for name in ("inference.py", f"{place}/common/__init__.py", f"{place}/common/mine.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("import common.mine\n")
    assert set(find_modules(folder)) == {"inference.py", "common/__init__.py", "common/mine.py"}


def test_a_module_called_common_is_not_replaced(tmp_path):
    (tmp_path / "inference.py").write_text("import common\n")
    (tmp_path / "common.py").write_text("")
    assert set(find_modules(tmp_path)) == {"inference.py", "common.py"}


def test_an_archive_from_before_common_keeps_its_own_modules(tmp_path):
    """Its code imports its own threads.py, and it may be packed again with labels."""
    for name in ("inference.py", "threads.py"):
        (tmp_path / name).write_text("import threads\n")
    assert set(find_modules(tmp_path)) == {"inference.py", "threads.py"}


IMPORT = "import sys; sys.path.append({!r}); import inference, common; print(common.__file__)"


@pytest.mark.long
@families
def test_isolated_python_imports_it(family, tmp_path):
    """In processes without access to this checkout, started as containers start them."""
    with unpack(model_archive(family)) as folder:
        script = IMPORT.format(str(folder / "code"))
        done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True)
        assert done.stdout == f"{folder / 'code/common/__init__.py'}\n"
    with tarfile.open(fileobj=io.BytesIO(pack_program(MODEL_CODE / family))) as tar:
        tar.extractall(tmp_path, filter="data")
    done = subprocess.run([sys.executable, tmp_path / "train.py", "--help"], capture_output=True, text=True, check=True)
    assert "--learning" in done.stdout
