"""The block functions in C, where they were built (`make kernel`); everything works without, by numpy, slower.

`lib` is None where they were not, or where a caller set it so. What is here and in `room` has the contract of its
numpy counterpart, which is the reference; tests fuzz the two against each other. numpy is imported where it is called,
since the kernel is built where there is none.
"""

from __future__ import annotations

import hashlib
import platform
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

HERE = Path(__file__).resolve().parent
SOURCES = (
    "rows.c",
    "counts.c",
    "bases.c",
    "measure.c",
    "names.c",
    "block.c",
)  # one text for the compiler, in this order


def module_name(machine: str) -> str:
    """Of the compiled module for a processor."""
    return f"_kernel_{machine}"


def file_name(machine: str) -> str:
    """Where it lies; files for several processors may lie side by side. (`sam build` leaves out what ends in .so.)"""
    return f"{module_name(machine)}.abi3"


def sources() -> list[Path]:
    """The C files."""
    return [HERE / name for name in SOURCES]


def fingerprint() -> str:
    """Of what the kernel is built from. It is compiled in, so that a stale one is not called with new arguments."""
    parts = [path.read_bytes() for path in (*sources(), HERE / "build.py")]
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


def load():
    """(ffi, lib), or None twice: no compiler, no cffi, another processor and a stale file are all no faults."""
    name = module_name(platform.machine())
    try:
        spec = spec_from_loader(name, ExtensionFileLoader(name, str(HERE / file_name(platform.machine()))))
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        fresh = module.ffi.string(module.lib.seqdrop_sources()).decode() == fingerprint()
    except (ImportError, AttributeError, OSError):
        return None, None
    return (module.ffi, module.lib) if fresh else (None, None)


ffi, lib = load()


def pointer(array: np.ndarray, kind: str):
    """For C; the caller keeps the array alive."""
    return ffi.from_buffer(kind, array)


def bits(words: np.ndarray, hashes: np.ndarray, add: bool) -> np.ndarray:
    """Which hashes may be in the set. With `add` all are added, each before the next one is looked for."""
    import numpy as np

    found = np.empty(len(hashes), np.uint8)
    hashes = np.ascontiguousarray(hashes)
    held, wanted = pointer(words, "uint64_t[]"), pointer(hashes, "uint64_t[]")
    lib.seqdrop_bits(held, len(words), wanted, len(hashes), pointer(found, "uint8_t[]"), add)
    return found.view(bool)


def sum_names(hashes: np.ndarray, chunks: int) -> np.ndarray:
    """The sums of the first whole chunks."""
    import numpy as np

    hashes, sums = np.ascontiguousarray(hashes), np.empty(chunks, np.uint64)
    lib.seqdrop_sum_names(pointer(hashes, "uint64_t[]"), chunks, pointer(sums, "uint64_t[]"))
    return sums
