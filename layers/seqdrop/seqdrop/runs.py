"""Sequencer runs, as the keys of their files tell of them."""

from __future__ import annotations


def run_of(key: str, prefix: str) -> str:
    """The folder that stands for a key's run: the first below the prefix, with its slash; "" directly under the prefix.

    Where a run's marker may lie is a wider question; for sharing things out fairly this one answer will do.
    """
    folder, slash, _ = key.removeprefix(prefix).partition("/")
    return f"{prefix}{folder}/" if slash and key.startswith(prefix) else ""
