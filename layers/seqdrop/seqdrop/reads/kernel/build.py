"""Build the C kernel beside this file: `python -m seqdrop.reads.kernel.build [x86_64|arm64]`; `make kernel` does that.

One file serves CPython 3.11 and later (limited API) on any Linux with glibc 2.26 or later, which is the oldest that
Lambda has (python3.11 runs on Amazon Linux 2). For this machine's own architecture the system's compiler will do;
for the other, or where there is none, `ziglang` from PyPI carries one that compiles for both. Needs cffi.
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
from pathlib import Path

from seqdrop.reads.kernel import HERE, file_name, fingerprint, module_name, sources

TYPES = """
typedef struct {
    int64_t *starts, *ends, *lengths, *name_ends; /* four a record, four, one, one */
    uint64_t *hashes;
    uint8_t *mates;
    int64_t used; /* bytes of the records found */
    int32_t crlf; /* -1 where there is none */
} records_t;
"""
FUNCTIONS = """
const char *seqdrop_sources(void);
int64_t seqdrop_block(const uint8_t *data, int64_t size, int64_t room, int64_t longest_name, records_t *to,
                      int64_t *sums);
void seqdrop_bits(uint64_t *words, int64_t size, const uint64_t *hashes, int64_t count, uint8_t *found, int32_t add);
void seqdrop_sum_names(const uint64_t *hashes, int64_t chunks, uint64_t *sums);
"""
GLIBC = (2, 26)
MACHINES = {"arm64": "aarch64"}  # Lambda's word for it, and the kernel's
# Counts in vectors of signed bytes run up to 255 and are read as unsigned: -fwrapv makes that defined.
OPTIONS = ("-O3", "-shared", "-fPIC", "-Wall", "-Werror", "-fno-math-errno", "-fwrapv")


class KernelBuildError(Exception):
    """No compiler, or what it made would not load in Lambda; the message says which."""


def compiler(machine: str) -> list[str]:
    """Return the command that compiles for `machine`. Raise KernelBuildError if there is none."""
    try:
        return own_compiler(machine)
    except KernelBuildError:
        return zig(machine)


def own_compiler(machine: str) -> list[str]:
    """Return this machine's C compiler.

    Raise KernelBuildError if it has none, or one for other machines than Lambda's.
    """
    own = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
    if not own or machine != platform.machine() or platform.libc_ver()[0] != "glibc":
        raise KernelBuildError(f"no C compiler for {machine} here (`make kernel` installs one)")
    return own.split()


def zig(machine: str) -> list[str]:
    """Return the command of ziglang, which compiles for each machine. Raise KernelBuildError if it is not installed."""
    try:
        import ziglang  # noqa: F401  run as a module below
    except ImportError:
        raise KernelBuildError(f"no C compiler for {machine} here (`make kernel` installs one)") from None
    target = f"{machine}-linux-gnu.{GLIBC[0]}.{GLIBC[1]}"
    return [sys.executable, "-m", "ziglang", "cc", "-target", target, "-s"]


def find_fresh(machine: str) -> Path | None:
    """Return the kernel for `machine` that lies here, if it is made of these sources and loads in Lambda."""
    made = HERE / file_name(machine)
    if not made.is_file() or fingerprint().encode() not in made.read_bytes():
        return None
    try:
        check_glibc(made)
    except KernelBuildError:
        return None
    return made


def build(machine: str = platform.machine(), folder: Path = HERE, own: bool | None = None) -> Path:
    """Compile for `machine` into `folder`; return the path of the module. Raise KernelBuildError.

    `own` True takes this machine's compiler, False takes ziglang, None the first of them that is there.
    """
    from cffi import FFI

    command = {True: own_compiler, False: zig, None: compiler}[own](machine)
    name = module_name(machine)
    builder = FFI()
    builder.cdef(TYPES + FUNCTIONS)
    builder.set_source(name, TYPES + "".join(path.read_text() for path in sources()))
    with tempfile.TemporaryDirectory(dir=folder) as work:  # beside the target, so that it can be moved there
        source, made = Path(work, f"{name}.c"), Path(work, file_name(machine))
        with redirect_stdout(sys.stderr):  # cffi says what it does
            builder.emit_c_code(str(source))
        include = f"-I{sysconfig.get_paths()['include']}"
        command += [*OPTIONS, f'-DSEQDROP_SOURCES="{fingerprint()}"', include, str(source), "-o", str(made)]
        done = subprocess.run(command, capture_output=True, text=True)
        if "Python.h" in done.stderr:
            raise KernelBuildError(
                f"{sys.executable} has no Python.h: install python3-dev (Debian), or python3-devel (Fedora)"
            )
        if done.returncode:
            raise KernelBuildError(f"the compiler failed:\n{done.stderr[-3000:]}")
        check_glibc(made)
        return made.rename(folder / made.name)


def check_glibc(made: Path) -> None:
    """Raises KernelBuildError if this file needs a newer glibc than GLIBC."""
    wanted = {tuple(map(int, found)) for found in re.findall(rb"GLIBC_(\d+)\.(\d+)", made.read_bytes())}
    if newer := sorted(version for version in wanted if version > GLIBC):
        raise KernelBuildError(f"the kernel would need glibc {'.'.join(map(str, newer[-1]))}, which Lambda has not")


def main(arguments: list[str]) -> int:
    """`--check` only tells by its status whether there is a compiler."""
    options = [one for one in arguments if one.startswith("--")]
    machine = next((one for one in arguments if one not in options), platform.machine())
    try:
        done = compiler if "--check" in options else build
        print(done(MACHINES.get(machine, machine)))
    except KernelBuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
