"""`seqdrop check`: the validation that a dropped file will get, before it is dropped."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from seqdrop.analyses import FORMATS
from seqdrop.errors import InvalidFile
from seqdrop.reads.check import Reading


def check(paths: list[Path], console: Console) -> int:
    """Check each file; 0 if all are valid, else 1."""
    files = [file for path in paths for file in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    valid = [
        _check(path, console) for path in files if not path.is_dir()
    ]  # all of them, also after the first that is not
    return 0 if all(valid) else 1


def _check(path: Path, console: Console) -> bool:
    with path.open("rb") as stream:
        reading = Reading(stream, sorted(FORMATS))
        try:
            for _ in reading.records():
                pass
        except InvalidFile as error:
            fault = error.fault
            where = f" at record {fault.record}, line {fault.line}, byte {fault.byte}" if fault.record else ""
            console.print(f"[red]✘[/] {escape(str(path))}: {fault.code}{where}: {fault.message}", highlight=False)
            console.print(f"  {fault.advice}", highlight=False)
            return False
    report, name = reading.tally.report(), escape(str(path))
    found = f"{report['records']:,} records, {report['bases']:,} bases, GC {report['gc_fraction'] or 0:.1%}"
    console.print(f"[green]✔[/] {name}: {reading.format.upper()}, {found}", highlight=False)
    return True
