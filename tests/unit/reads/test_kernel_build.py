"""Builds of the C kernel for Lambda: for its architectures, its glibc and its versions of Python."""

import importlib.util
import platform
import struct

import pytest
from seqdrop.reads import kernel
from seqdrop.reads.kernel import build

ELF = {"x86_64": 62, "aarch64": 183}  # e_machine
has_zig = importlib.util.find_spec("ziglang") is not None


@pytest.fixture
def no_system_compiler(monkeypatch):
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(build.shutil, "which", lambda name: None)


def machine_of(file) -> int:
    return struct.unpack("<H", file.read_bytes()[18:20])[0]


def test_the_compiler_of_this_machine_builds_the_kernel(tmp_path):
    try:
        built = build.build(folder=tmp_path)
    except build.KernelBuildError as error:
        pytest.skip(str(error))
    assert built.name == f"_kernel_{platform.machine()}.abi3"
    assert machine_of(built) == ELF[platform.machine()]
    assert [file.name for file in tmp_path.iterdir()] == [built.name]


@pytest.mark.skipif(not has_zig, reason="ziglang is not installed here (`make kernel ARCH=…` does)")
@pytest.mark.parametrize("machine", ELF)
def test_ziglang_builds_for_either_architecture(machine, tmp_path, no_system_compiler):
    assert machine_of(build.build(machine, tmp_path)) == ELF[machine]


@pytest.mark.skipif(has_zig, reason="ziglang is installed here, so there is a compiler")
def test_a_missing_compiler_is_reported(no_system_compiler, capsys):
    assert build.main(["--check", "arm64"]) == 1
    assert "no C compiler for aarch64" in capsys.readouterr().err


@pytest.mark.parametrize(("needed", "fits"), [("2.2.5", True), ("2.26", True), ("2.27", False), ("2.34", False)])
def test_a_kernel_needs_no_newer_glibc_than_the_oldest_of_lambda(needed, fits, tmp_path):
    kernel_file = tmp_path / "kernel.so"
    kernel_file.write_bytes(b"\0memchr\0GLIBC_2.2.5\0GLIBC_%b\0" % needed.encode())
    if fits:
        build.check_glibc(kernel_file)
    else:
        with pytest.raises(build.KernelBuildError, match=needed):
            build.check_glibc(kernel_file)


@pytest.mark.skipif(kernel.lib is None, reason="the C kernel is not built here (`make kernel`)")
def test_an_outdated_kernel_is_not_loaded(monkeypatch):
    assert kernel.load() != (None, None)
    monkeypatch.setattr(kernel, "fingerprint", lambda: "of other sources")
    assert kernel.load() == (None, None)


def test_another_processor_has_no_kernel(monkeypatch):
    monkeypatch.setattr(kernel.platform, "machine", lambda: "riscv64")
    assert kernel.load() == (None, None)
