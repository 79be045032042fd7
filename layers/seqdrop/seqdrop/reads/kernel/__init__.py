"""The C kernel: block functions in C, which `make kernel` builds. Without it numpy does the same, but more slowly.

`lib` is None if the kernel was not built, or if a test has disabled it. The functions have the contracts of their numpy
counterparts, which are the reference; tests compare the two by fuzzing. numpy is imported inside functions, because the
kernel is also built on machines without numpy.
"""

from __future__ import annotations

import hashlib
import platform
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy.typing as npt

    from seqdrop.reads.arrays import BoolArray, UInt64Array

HERE = Path(__file__).resolve().parent
SOURCES = (
    "rows.c",
    "counts.c",
    "bases.c",
    "measure.c",
    "names.c",
    "block.c",
)  # compiled as one text, in this order


def module_name(machine: str) -> str:
    """Return the name of the compiled module for a processor (`platform.machine()`)."""
    return f"_kernel_{machine}"


def file_name(machine: str) -> str:
    """Return the file name of the compiled module. Files for several processors can be in one folder.

    It does not end in .so, because `sam build` omits such files.
    """
    return f"{module_name(machine)}.abi3"


def sources() -> list[Path]:
    """Return the paths of the C files."""
    return [HERE / name for name in SOURCES]


def fingerprint() -> str:
    """Return a hash of the files that the kernel is built from.

    The kernel contains the hash of its sources, so that a kernel that was built from other sources is not used.
    """
    parts = [path.read_bytes() for path in (*sources(), HERE / "build.py")]
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


def load() -> tuple[Any, Any]:
    """Return (ffi, lib) of the compiled module. cffi made it, and it has no type stubs.

    Return (None, None) if there is no module for this processor, if cffi is not installed, or if the module was built
    from other sources.
    """
    name = module_name(platform.machine())
    loader = ExtensionFileLoader(name, str(HERE / file_name(platform.machine())))
    spec = spec_from_loader(name, loader)
    if spec is None:
        return None, None
    try:
        module = module_from_spec(spec)
        loader.exec_module(module)
        is_fresh = module.ffi.string(module.lib.seqdrop_sources()).decode() == fingerprint()
    except (ImportError, AttributeError, OSError):
        return None, None
    return (module.ffi, module.lib) if is_fresh else (None, None)


ffi, lib = load()


def pointer(array: npt.NDArray[Any], kind: str) -> object:
    """Return a pointer for C to the memory of an array; the caller must keep the array alive."""
    return ffi.from_buffer(kind, array)


def bits(words: UInt64Array, hashes: UInt64Array, add: bool) -> BoolArray:
    """Return what `duplicates.Bits.contains` returns. If `add`, also add each hash before the next one is looked up."""
    import numpy as np

    contained = np.empty(len(hashes), np.uint8)
    hashes = np.ascontiguousarray(hashes)
    lib.seqdrop_bits(
        pointer(words, "uint64_t[]"),
        len(words),
        pointer(hashes, "uint64_t[]"),
        len(hashes),
        pointer(contained, "uint8_t[]"),
        add,
    )
    return contained.view(bool)


def sum_names(hashes: UInt64Array, chunks: int) -> UInt64Array:
    """Return the sums of the first `chunks` chunks of hashes, as `name_digests` defines them."""
    import numpy as np

    hashes = np.ascontiguousarray(hashes)
    sums = np.empty(chunks, np.uint64)
    lib.seqdrop_sum_names(pointer(hashes, "uint64_t[]"), chunks, pointer(sums, "uint64_t[]"))
    return sums
