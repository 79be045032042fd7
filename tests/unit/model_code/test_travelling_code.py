"""What travels with a model or a training job is whole: each import of its modules is met by it or by the container."""

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


BUILT = {f"{family}: {kind}": (family, kind) for family in SEEDS for kind in ("model", "training")}


@pytest.fixture(params=BUILT)
def travelling(request) -> dict[str, ast.Module]:
    """The modules of an archive that is built as users build it, by their path from where the container looks."""
    family, kind = BUILT[request.param]
    body = model_archive(family) if kind == "model" else pack_program(MODEL_CODE / family)
    root = "code/" if kind == "model" else ""
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        sources = {one.name: tar.extractfile(one).read() for one in tar if one.name.endswith(".py")}
    return {name.removeprefix(root): ast.parse(source) for name, source in sources.items()}


def imports(tree: ast.Module) -> set[tuple[str, str]]:
    """(module, name) of every import, wherever it is in the code; name is "" where the module itself is imported."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {(alias.name, "") for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import does not work in a module that is run as a script"
            found |= {(node.module, alias.name) for alias in node.names}
    return found


def bound(tree: ast.Module) -> set[str]:
    """Names that a module binds at its top level."""
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    targets = [node for one in tree.body if isinstance(one, ast.Assign | ast.AnnAssign) for node in ast.walk(one)]
    names |= {node.id for node in targets if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return names | {name or module for module, name in imports(tree)}


def file_of(module: str, files: dict[str, ast.Module]) -> str | None:
    path = module.replace(".", "/")
    return next((name for name in (f"{path}.py", f"{path}/__init__.py") if name in files), None)


def test_every_import_is_met(travelling):
    for name, tree in travelling.items():
        for module, attribute in imports(tree):
            file = file_of(module, travelling)
            if file is None:
                assert module.partition(".")[0] in CONTAINER | sys.stdlib_module_names, f"{name} imports {module}"
            elif attribute:
                there = attribute in bound(travelling[file]) or file_of(f"{module}.{attribute}", travelling)
                assert there, f"{name} imports {attribute} of {module}"


def test_it_begins_where_the_container_does_and_holds_what_is_shared(travelling, request):
    kind = request.node.callspec.params["travelling"].rpartition(" ")[2]
    assert {"model": "inference.py", "training": "train.py"}[kind] in travelling
    assert {"common/__init__.py", "common/json_lines.py", "common/processors.py"} <= set(travelling)


@families
def test_no_module_of_a_family_has_a_name_that_python_or_the_container_has(family):
    """It would hide theirs, or be hidden by it."""
    names = {Path(name).stem for name in find_modules(MODEL_CODE / family)} | {"common"}
    assert names.isdisjoint(CONTAINER | sys.stdlib_module_names)


def test_code_that_does_not_use_what_is_shared_travels_without_it(tmp_path):
    (tmp_path / "inference.py").write_text("import json  # not from common\n")
    assert set(find_modules(tmp_path)) == {"inference.py"}
    (tmp_path / "more.py").write_text("def late():\n    from common.json_lines import split_lines\n")
    assert {"common/__init__.py", "common/json_lines.py", "more.py"} <= set(find_modules(tmp_path))
    assert find_modules(tmp_path)["common/json_lines.py"] == MODEL_CODE / "common/json_lines.py"


@pytest.mark.parametrize("place", [".", ".."])
def test_a_folder_may_bring_its_own(tmp_path, place):
    folder = tmp_path / "code"
    for name in ("inference.py", f"{place}/common/__init__.py", f"{place}/common/mine.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("import common.mine\n")
    assert set(find_modules(folder)) == {"inference.py", "common/__init__.py", "common/mine.py"}


def test_a_module_called_common_is_left_alone(tmp_path):
    (tmp_path / "inference.py").write_text("import common\n")
    (tmp_path / "common.py").write_text("")
    assert set(find_modules(tmp_path)) == {"inference.py", "common.py"}


def test_an_archive_from_before_common_keeps_its_own_modules(tmp_path):
    """When it is packed again, with labels: its code imports threads.py, which is in it."""
    for name in ("inference.py", "threads.py"):
        (tmp_path / name).write_text("import threads\n")
    assert set(find_modules(tmp_path)) == {"inference.py", "threads.py"}


IMPORT = "import sys; sys.path.append({!r}); import inference, common; print(common.__file__)"


@pytest.mark.long
@families
def test_python_alone_imports_it(family, tmp_path):
    """In processes that know nothing of this checkout, started as containers start them."""
    with unpack(model_archive(family)) as folder:
        script = IMPORT.format(str(folder / "code"))
        done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True)
        assert done.stdout == f"{folder / 'code/common/__init__.py'}\n"
    with tarfile.open(fileobj=io.BytesIO(pack_program(MODEL_CODE / family))) as tar:
        tar.extractall(tmp_path, filter="data")
    done = subprocess.run([sys.executable, tmp_path / "train.py", "--help"], capture_output=True, text=True, check=True)
    assert "--learning" in done.stdout
