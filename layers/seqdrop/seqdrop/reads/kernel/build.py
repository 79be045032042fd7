"""Build the optional C kernel beside this file: `python -m seqdrop.reads.kernel.build`.

Needs cffi and a C compiler.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
FUNCTIONS = """
int64_t seqdrop_four_lines(const uint8_t *data, int64_t size, int64_t *starts, int64_t *ends, int64_t room,
                           int64_t *used, int32_t *crlf);
int32_t seqdrop_measure(const uint8_t *data, const int64_t *sequences, const int64_t *qualities,
                        const int64_t *lengths, int64_t count, int64_t *content, int64_t *quality, int64_t *bins,
                        int64_t *per_read, int64_t *figures);
int32_t seqdrop_hash_names(const uint8_t *data, const int64_t *starts, int64_t count, int64_t longest,
                           uint64_t *hashes, uint8_t *mates, int64_t *ends);
int64_t seqdrop_add_bits(uint64_t *words, int64_t size, const uint64_t *hashes, int64_t count, uint8_t *again);
"""


def build(folder: Path = HERE) -> Path:
    """Compile into `folder`; the path of the module. Raises what cffi or the compiler raise."""
    from cffi import FFI

    builder = FFI()
    builder.cdef(FUNCTIONS)
    builder.set_source("_kernel", (HERE / "kernel.c").read_text(), extra_compile_args=["-O3"])
    with tempfile.TemporaryDirectory() as work:
        made = Path(builder.compile(tmpdir=work))
        return Path(shutil.copy(made, folder / made.name))


if __name__ == "__main__":
    print(build(), file=sys.stderr)
