"""`sam build` makes the layer from its folder alone: it checks analyses.toml, and compiles the C kernel."""

from __future__ import annotations

import os
import platform
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from seqdrop.config.documents import ConfigFileError
from seqdrop.kinds.registry import packaged, parse
from seqdrop.reads.kernel.build import MACHINES, find_fresh

from tests.contract.test_template import RESOURCES, TREE

ARCHITECTURES = TREE["Parameters"]["Architecture"]["AllowedValues"]
ELF = {"x86_64": 62, "arm64": 183}  # e_machine
OWN = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
# Python without any installed packages, as on a machine with only sam.
BARE = f"{sys.executable} -S"


@pytest.fixture
def alone(repository, tmp_path) -> Path:
    """Return a copy of the layer's folder alone."""
    ignored = shutil.ignore_patterns("__pycache__")
    return Path(shutil.copytree(repository / "layers/seqdrop", tmp_path / "alone", ignore=ignored))


@pytest.fixture
def without_kernel(alone) -> Path:
    """Return the copy without compiled kernels, as in a fresh clone."""
    for path in alone.rglob("_kernel_*"):
        path.unlink()
    return alone


def build(folder: Path, python: str = sys.executable, architecture: str = OWN, **environment: str):
    """Build as sam does, with the Makefile of an architecture in the folder; return the process and the layer."""
    layer = folder.parent / "artifacts"
    command = ["make", "--makefile", f"{architecture}/Makefile", "build-SeqdropLayer", f"PYTHON={python}"]
    variables = {"PATH": os.environ["PATH"], "ARTIFACTS_DIR": str(layer), **environment}
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True), layer


def read_machine(file: Path) -> int:
    return struct.unpack("<H", file.read_bytes()[18:20])[0]


@pytest.mark.skipif(find_fresh(platform.machine()) is None, reason="the C kernel is not built; `make kernel` builds it")
def test_a_layer_is_built_from_the_folder_with_only_python(alone):
    process, layer = build(alone, BARE)
    assert process.returncode == 0, process.stderr
    (kernel,) = layer.rglob("_kernel_*")
    assert read_machine(kernel) == ELF[OWN]
    assert not any(path.is_symlink() for path in layer.rglob("*"))
    code = (
        "import seqdrop, json; from seqdrop.kinds.registry import packaged; from seqdrop.reads import kernel\n"
        "print(json.dumps([seqdrop.__file__, packaged().prefixes, kernel.lib is not None]))"
    )
    environment = {"PYTHONPATH": str(layer / "python")}
    output = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert yaml.safe_load(output.stdout) == [str(layer / "python/seqdrop/__init__.py"), packaged().prefixes, True]


@pytest.mark.long
def test_an_absent_kernel_is_compiled(without_kernel):
    if not shutil.which("gcc"):
        pytest.skip("there is no gcc; another test fetches ziglang, which takes its place")
    process, layer = build(without_kernel)
    assert process.returncode == 0, process.stderr
    assert [read_machine(path) for path in layer.rglob("_kernel_*")] == [ELF[OWN]]


def test_a_broken_file_is_refused_with_the_same_messages_and_no_layer_is_built(alone):
    path = alone / "seqdrop/analyses.toml"
    path.write_text(path.read_text().replace("window = 70", "windw = 70").replace("[validation]", "[validations]"))
    with pytest.raises(ConfigFileError) as expected:
        parse(path.read_text())
    process, layer = build(alone, BARE)
    assert process.returncode != 0
    assert len(expected.value.faults) == 2
    assert str(expected.value) in process.stderr
    assert not list(layer.rglob("*"))


def test_without_compiler_and_network_the_build_fails_with_advice(without_kernel, tmp_path):
    architecture = next(name for name in ARCHITECTURES if name != OWN)
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("make", "sh"):
        (tools / name).symlink_to(shutil.which(name))
    process, layer = build(without_kernel, BARE, architecture, PATH=str(tools), PIP_NO_INDEX="1")
    assert process.returncode != 0
    assert f"The C kernel cannot be compiled for {architecture}: pip cannot fetch cffi==" in process.stderr
    assert "touch layers/seqdrop/WITHOUT_KERNEL" in process.stderr
    (without_kernel / "WITHOUT_KERNEL").touch()
    process, layer = build(without_kernel, BARE, architecture, PATH=str(tools), PIP_NO_INDEX="1")
    assert (process.returncode, list(layer.rglob("_kernel_*"))) == (0, [])
    assert "the layer has no C kernel" in process.stdout


def test_an_old_python_is_refused(alone, tmp_path):
    old = tmp_path / "old"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    process, _ = build(alone, str(old))
    assert process.returncode != 0
    assert f"{old} is not Python 3.11 or later" in process.stderr


def test_sam_uses_the_makefile_of_the_architecture(repository):
    """Each architecture has its own makefile, because sam does not pass the architecture to it."""
    metadata, folder = RESOURCES["SeqdropLayer"]["Metadata"], repository / "layers/seqdrop"
    assert metadata["BuildMethod"] == "makefile"
    assert metadata["ContextPath"] == {"Sub": "layers/seqdrop/${Architecture}"}
    for architecture in ARCHITECTURES:
        lines = (folder / architecture / "Makefile").read_text().splitlines()
        assert lines[-2:] == [f"ARCH := {architecture}", "include Makefile"]
    assert {MACHINES.get(name, name) for name in ARCHITECTURES} == {"x86_64", "aarch64"}


def test_the_analyses_toml_at_the_root_is_a_link_to_that_of_the_layer(repository):
    link = repository / "analyses.toml"
    assert link.is_symlink()
    assert str(link.readlink()) == "layers/seqdrop/seqdrop/analyses.toml"
    assert not (repository / link.readlink()).is_symlink()


def test_cffi_has_the_same_version_in_all_requirements(repository):
    """The cffi of the reads layer calls the kernel, so it must be the version that compiles it."""
    pins = set((repository / "layers/seqdrop/build-requirements.txt").read_text().splitlines())
    for other in ("layers/reads/requirements.txt", "requirements.txt"):
        assert pins & {line for line in (repository / other).read_text().splitlines() if line.startswith("cffi==")}


@pytest.mark.long
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_sam_build_compiles_for_either_architecture(repository, tmp_path, without_kernel, architecture):
    """The machine's own compiler is used, or ziglang, which is fetched (100 MB)."""
    tree = tmp_path / "tree"
    shutil.copytree(repository / "functions", tree / "functions", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(without_kernel, tree / "layers/seqdrop")
    for name in ("base", "reads", "tables"):
        shutil.copytree(repository / "layers" / name, tree / "layers" / name)
    shutil.copy(repository / "template.yaml", tree)
    binaries = Path(sys.executable).parent
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    command = [str(binaries / "sam"), "build", "SeqdropLayer", "--build-dir", str(tmp_path / "build")]
    command += ["--parameter-overrides", f"Architecture={architecture}", f"Runtime={version}"]
    environment = os.environ | {"PATH": f"{binaries}:{os.environ['PATH']}", "SAM_CLI_TELEMETRY": "0"}
    process = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True)
    if "pip cannot fetch ziglang" in process.stderr:
        pytest.skip("pip finds no index with ziglang")
    assert process.returncode == 0, process.stderr
    (kernel,) = (tmp_path / "build/SeqdropLayer/python/seqdrop/reads/kernel").glob("_kernel_*")
    assert read_machine(kernel) == ELF[architecture]
