"""The C kernel as it is built for Lambda: for its architectures, its glibc and its Pythons."""

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


def test_the_compiler_that_is_here(tmp_path):
    try:
        made = build.build(folder=tmp_path)
    except build.KernelBuildError as error:
        pytest.skip(str(error))
    assert made.name == f"_kernel_{platform.machine()}.abi3"
    assert machine_of(made) == ELF[platform.machine()]
    assert [file.name for file in tmp_path.iterdir()] == [made.name]


@pytest.mark.skipif(not has_zig, reason="ziglang is not installed here (`make kernel ARCH=…` does)")
@pytest.mark.parametrize("machine", ELF)
def test_either_architecture_without_a_system_compiler(machine, tmp_path, no_system_compiler):
    assert machine_of(build.build(machine, tmp_path)) == ELF[machine]


@pytest.mark.skipif(has_zig, reason="ziglang is installed here, so there is a compiler")
def test_no_compiler_is_told(no_system_compiler, capsys):
    assert build.main(["--check", "arm64"]) == 1
    assert "no C compiler for aarch64" in capsys.readouterr().err


@pytest.mark.parametrize(("wanted", "fits"), [("2.2.5", True), ("2.26", True), ("2.27", False), ("2.34", False)])
def test_nothing_newer_than_the_oldest_glibc_of_lambda(wanted, fits, tmp_path):
    made = tmp_path / "made.so"
    made.write_bytes(b"\0memchr\0GLIBC_2.2.5\0GLIBC_%b\0" % wanted.encode())
    if fits:
        build.check_glibc(made)
    else:
        with pytest.raises(build.KernelBuildError, match=wanted):
            build.check_glibc(made)


@pytest.mark.skipif(kernel.lib is None, reason="the C kernel is not built here (`make kernel`)")
def test_a_stale_kernel_is_left_alone(monkeypatch):
    assert kernel.load() != (None, None)
    monkeypatch.setattr(kernel, "fingerprint", lambda: "of other sources")
    assert kernel.load() == (None, None)


def test_another_processor_has_none(monkeypatch):
    monkeypatch.setattr(kernel.platform, "machine", lambda: "riscv64")
    assert kernel.load() == (None, None)
