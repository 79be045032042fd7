"""Build the C kernel beside this file: `python -m seqdrop.reads.kernel.build [x86_64|arm64]`; `make kernel` runs it.

One file serves CPython 3.11 and later (limited API) on any Linux with glibc 2.26 or later. That is the oldest glibc in
Lambda: python3.11 runs on Amazon Linux 2. The compiler of this machine compiles for its own architecture. For the other
architecture, or on a machine without a compiler, `ziglang` from PyPI compiles for both. Needs cffi.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path

from seqdrop.reads.kernel import HERE, file_name, fingerprint, module_name, sources

TYPES = """
typedef struct {
    int64_t *starts, *ends, *lengths, *name_ends; /* four numbers for each record, four, one, one */
    uint64_t *hashes;
    uint8_t *codes;
    int64_t used; /* bytes of all records */
    int32_t crlf; /* -1 without any record */
} records_t;
"""
FUNCTIONS = """
const char *seqdrop_sources(void);
int64_t seqdrop_block(const uint8_t *data, int64_t size, int64_t capacity, int64_t longest_name, records_t *to,
                      const int64_t *errors_of, int64_t *sums);
void seqdrop_bits(uint64_t *words, int64_t size, const uint64_t *hashes, int64_t count, uint8_t *found, int32_t add);
void seqdrop_sum_names(const uint64_t *hashes, int64_t chunks, uint64_t *sums);
"""
GLIBC = (2, 26)
MACHINES = {"arm64": "aarch64"}  # {name of an architecture in Lambda: its name in `platform.machine()`}
# The C code counts to 255 in vectors of signed bytes and reads them as unsigned; -fwrapv makes that overflow defined.
OPTIONS = ("-O3", "-shared", "-fPIC", "-Wall", "-Werror", "-fno-math-errno", "-fwrapv")


class KernelBuildError(Exception):
    """The kernel cannot be built; the message gives the reason."""


def find_compiler(machine: str) -> list[str]:
    """Return the command of a C compiler for `machine`. Raise KernelBuildError if there is none."""
    try:
        return find_own_compiler(machine)
    except KernelBuildError:
        return find_zig(machine)


def find_own_compiler(machine: str) -> list[str]:
    """Return the command of this machine's C compiler.

    Raise KernelBuildError if it has none, or if it does not compile for `machine` and glibc.
    """
    own = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
    if not own or machine != platform.machine() or platform.libc_ver()[0] != "glibc":
        raise KernelBuildError(f"no C compiler for {machine} here (`make kernel` installs one)")
    return own.split()


def find_zig(machine: str) -> list[str]:
    """Return the command of ziglang, which compiles for any machine. Raise KernelBuildError if it is not installed."""
    try:
        import_module("ziglang")  # the command below runs it as a module
    except ImportError:
        raise KernelBuildError(f"no C compiler for {machine} here (`make kernel` installs one)") from None
    target = f"{machine}-linux-gnu.{GLIBC[0]}.{GLIBC[1]}"
    return [sys.executable, "-m", "ziglang", "cc", "-target", target, "-s"]


def find_fresh(machine: str) -> Path | None:
    """Return the path of the kernel for `machine` in this folder; None unless it is up to date and loads in Lambda."""
    kernel = HERE / file_name(machine)
    if not kernel.is_file() or fingerprint().encode() not in kernel.read_bytes():
        return None
    try:
        check_glibc(kernel)
    except KernelBuildError:
        return None
    return kernel


def build(machine: str = platform.machine(), folder: Path = HERE, own: bool | None = None) -> Path:
    """Compile for `machine` into `folder`. Return the path of the module. Raise KernelBuildError if that fails.

    Use the compiler of this machine if `own` is True, ziglang if it is False, and the first that is installed if None.
    """
    from cffi import FFI

    command = {True: find_own_compiler, False: find_zig, None: find_compiler}[own](machine)
    name = module_name(machine)
    builder = FFI()
    builder.cdef(TYPES + FUNCTIONS)
    builder.set_source(name, TYPES + "".join(path.read_text() for path in sources()))
    with tempfile.TemporaryDirectory(dir=folder) as work:  # in `folder`, so that the module can be moved there
        source, kernel = Path(work, f"{name}.c"), Path(work, file_name(machine))
        with redirect_stdout(sys.stderr):  # cffi prints messages
            builder.emit_c_code(str(source))
        include = f"-I{sysconfig.get_paths()['include']}"
        command += [*OPTIONS, f'-DSEQDROP_SOURCES="{fingerprint()}"', include, str(source), "-o", str(kernel)]
        done = subprocess.run(command, capture_output=True, text=True)
        if "Python.h" in done.stderr:
            raise KernelBuildError(
                f"{sys.executable} has no Python.h: install python3-dev (Debian), or python3-devel (Fedora)"
            )
        if done.returncode:
            raise KernelBuildError(f"the compiler failed:\n{done.stderr[-3000:]}")
        check_glibc(kernel)
        return kernel.rename(folder / kernel.name)


def check_glibc(kernel: Path) -> None:
    """Raise KernelBuildError if this kernel needs a newer glibc than GLIBC."""
    needed = {tuple(map(int, version)) for version in re.findall(rb"GLIBC_(\d+)\.(\d+)", kernel.read_bytes())}
    if newer := sorted(version for version in needed if version > GLIBC):
        version = ".".join(map(str, newer[-1]))
        raise KernelBuildError(f"the kernel would need glibc {version}, which is newer than that of Lambda (2.26)")


def main(arguments: list[str]) -> int:
    """Build the kernel and return the exit status. With `--check`, only check that there is a compiler."""
    options = [argument for argument in arguments if argument.startswith("--")]
    machine = next((argument for argument in arguments if argument not in options), platform.machine())
    machine = MACHINES.get(machine, machine)
    try:
        print(find_compiler(machine) if "--check" in options else build(machine))
    except KernelBuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
