"""The two search trees of a bigWig file: names of sequences (B+ tree), and positions of blocks (R-tree).

Format: Kent et al., Bioinformatics 26:2204 (2010), supplementary tables 8 to 17. Numbers are little-endian. A node has
at most FANOUT entries. All nodes of a level except the last one are full, so the offset of each node is known before
the nodes are written.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import BinaryIO

FANOUT = 256
NAMES_MAGIC, BLOCKS_MAGIC = 0x78CA8C91, 0x2468ACE0
_NAMES_HEADER = struct.Struct("<IIIIQQ")  # magic, fanout, length of keys, length of values, number of names, 0
_BLOCKS_HEADER = struct.Struct("<IIQIIIIQII")  # magic, fanout, number of blocks, range, end of data, block size, 0
_NODE = struct.Struct("<BBH")  # 1 in a leaf, 0, number of entries
_SEQUENCE = struct.Struct("<II")  # id, length
_RANGE = struct.Struct("<IIII")  # first sequence, first base, last sequence, end (0-based half-open)
_PLACE = struct.Struct("<QQ")  # offset, size
_OFFSET = struct.Struct("<Q")


class Block(NamedTuple):
    """A compressed block of a file: the range of positions in it, and its place in the file.

    Sequences are their ids. `start` is a 0-based position in `first`; `end` is the end (exclusive) in `last`.
    """

    first: int
    start: int
    last: int
    end: int
    offset: int
    size: int


def write_names(file: BinaryIO, lengths: dict[str, int]) -> None:
    """Write the tree of names at the position of `file`. Ids are the positions in `lengths`, whose keys are sorted."""
    keys = [name.encode() for name in lengths]
    width = max(map(len, keys))
    file.write(_NAMES_HEADER.pack(NAMES_MAGIC, FANOUT, width, _SEQUENCE.size, len(keys), 0))
    leaves = [
        key.ljust(width, b"\0") + _SEQUENCE.pack(number, length)
        for number, (key, length) in enumerate(zip(keys, lengths.values(), strict=True))
    ]
    _write_tree(file, leaves, lambda first, _: leaves[first][:width])


def write_blocks(file: BinaryIO, blocks: Sequence[Block], per_block: int) -> None:
    """Write the tree of blocks at the position of `file`, where their data end. `per_block` is their most entries."""
    span = _join(blocks, 0, len(blocks))
    file.write(_BLOCKS_HEADER.pack(BLOCKS_MAGIC, FANOUT, len(blocks), *span, file.tell(), per_block, 0))
    leaves = [_RANGE.pack(*block[:4]) + _PLACE.pack(block.offset, block.size) for block in blocks]
    _write_tree(file, leaves, lambda first, end: _RANGE.pack(*_join(blocks, first, end)))


def _join(blocks: Sequence[Block], first: int, end: int) -> tuple[int, int, int, int]:
    """Return the range of `blocks[first:end]`, which are ordered by position and do not overlap."""
    return blocks[first].first, blocks[first].start, blocks[end - 1].last, blocks[end - 1].end


def _write_tree(file: BinaryIO, leaves: Sequence[bytes], label: Callable[[int, int], bytes]) -> None:
    """Write the nodes, the root first. `label` returns the key of an inner entry over the leaves from first to end."""
    spans = [1]  # number of leaves below an entry, by level; the leaves are level 0
    while spans[-1] * FANOUT < len(leaves):
        spans.append(spans[-1] * FANOUT)
    at = file.tell()
    for level in range(len(spans) - 1, 0, -1):
        below = _count(leaves, spans[level - 1])
        entry_size = len(label(0, 1)) + _OFFSET.size
        nodes = _count(leaves, spans[level] * FANOUT)
        next_level = at + nodes * _NODE.size + _count(leaves, spans[level]) * entry_size
        child_entry = len(leaves[0]) if level == 1 else entry_size
        child_size = _NODE.size + min(FANOUT, below) * child_entry
        _write_nodes(file, 0, _inner_entries(leaves, spans[level], (next_level, child_size), label))
        at = next_level
    _write_nodes(file, 1, list(leaves))


def _inner_entries(
    leaves: Sequence[bytes], span: int, children: tuple[int, int], label: Callable[[int, int], bytes]
) -> list[bytes]:
    """Return the entries of a level; `children` has the offset of their first node, and the size of a full node."""
    offset, size = children
    starts = range(0, len(leaves), span)
    return [
        label(start, min(start + span, len(leaves))) + _OFFSET.pack(offset + number * size)
        for number, start in enumerate(starts)
    ]


def _count(leaves: Sequence[bytes], span: int) -> int:
    return -(-len(leaves) // span)


def _write_nodes(file: BinaryIO, is_leaf: int, entries: list[bytes]) -> None:
    for node in _split(entries):
        file.write(_NODE.pack(is_leaf, 0, len(node)) + b"".join(node))


def _split(entries: list[bytes]) -> Iterator[list[bytes]]:
    for start in range(0, len(entries), FANOUT):
        yield entries[start : start + FANOUT]
