"""The files that a command line names: paths, folders, patterns, s3:// addresses, and standard input."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from seqdrop.companions.mates import parse
from seqdrop.reads.suffix import BY_SUFFIX, PACKED

from seqdrop_cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator

STANDARD_INPUT = "-"
SUFFIXES = ", ".join(f".{suffix}" for suffix in BY_SUFFIX)


@dataclass
class Inputs:
    """The files to read, in order and without repetitions, and the files of folders that are no sequence files."""

    names: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    _known: set[str] = field(default_factory=set)

    def add(self, name: str) -> None:
        """Add a file, unless it was added before under this or another name."""
        if identify(name) not in self._known:
            self._known.add(identify(name))
            self.names.append(name)


@dataclass(frozen=True)
class Unit:
    """A file, or two files that are mates by their names. `is_certain` is False if they may be two samples."""

    first: str
    second: str | None = None
    is_certain: bool = True

    @property
    def names(self) -> list[str]:
        """The names of its files, mate 1 first."""
        return [self.first] if self.second is None else [self.first, self.second]


def identify(name: str) -> str:
    """Return a text that is equal for two names of the same path or address. Symbolic links are not followed."""
    return name if name == STANDARD_INPUT or is_object(name) else os.path.normpath(Path(name).absolute())


def is_object(name: str) -> bool:
    """Return True for the address of an object in S3."""
    return name.startswith("s3://")


def is_plain(word: str) -> bool:
    """Return True for the name of one file, False for a folder, a pattern, or a path that does not exist."""
    return word == STANDARD_INPUT or is_object(word) or (Path(word).exists() and not Path(word).is_dir())


def find_inputs(words: list[str]) -> Inputs:
    """Return the files that the words name. Folders are searched recursively; hidden files are left out.

    Raise CommandError if a path does not exist, if a pattern matches nothing, or if a folder has no sequence files.
    Raise OSError if a folder may not be read.
    """
    paths = {word: _expand(word) for word in words}
    missing = [_explain_missing(word) for word, expanded in paths.items() if not expanded]
    if missing:
        raise CommandError("; ".join(missing))
    inputs = Inputs()
    for word in words:
        for path in paths[word]:
            if is_plain(path):
                inputs.add(path)
            elif not _add_folder(inputs, path) and path == word:
                raise CommandError(f"{word} has no file with the suffix of a sequence file ({SUFFIXES})")
    if not inputs.names:
        raise CommandError(f"{', '.join(words)} has no file with the suffix of a sequence file ({SUFFIXES})")
    return inputs


def _explain_missing(word: str) -> str:
    if _is_pattern(word):
        return f"no file matches {word}; check the pattern"
    return f"{word} does not exist; check the path"


def _is_pattern(word: str) -> bool:
    return any(character in word for character in "*?[")


def _expand(word: str) -> list[str]:
    """Return the word itself if it is the name of a file or folder, or the paths that match it as a pattern.

    As in a shell, hidden names match only if they are in the pattern.
    """
    if is_plain(word) or Path(word).is_dir():
        return [word]
    if not _is_pattern(word):
        return []
    pattern = Path(word)
    matches = sorted(Path(pattern.anchor or ".").glob(str(pattern.relative_to(pattern.anchor))))
    return [
        str(path)
        for path in matches
        if not any(part.startswith(".") and part not in pattern.parts for part in path.parts)
    ]


def _add_folder(inputs: Inputs, folder: str) -> bool:
    """Add the sequence files of a folder; return True if there are any."""
    paths = list(_walk(folder))
    sequences = [str(path) for path in paths if has_sequence_suffix(path.name)]
    for name in sequences:
        inputs.add(name)
    inputs.others += [str(path) for path in paths if not has_sequence_suffix(path.name)]
    return bool(sequences)


def _walk(folder: str) -> Iterator[Path]:
    """Yield the files of a folder, sorted, without hidden ones. Raise OSError if a folder in it may not be read."""
    for parent, folders, names in os.walk(folder, onerror=_raise):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent, name) for name in sorted(names) if not name.startswith("."))


def _raise(error: OSError) -> NoReturn:
    raise error


def has_sequence_suffix(name: str) -> bool:
    """Return True for the name of a FASTQ, FASTA or BAM file. It may be packed, or numbered as in `S1.fastq.1.gz`."""
    suffixes = name.lower().split(".")[1:]
    if suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    if len(suffixes) > 1 and suffixes[-1] in ("1", "2"):
        suffixes.pop()
    return bool(suffixes) and suffixes[-1] in BY_SUFFIX


def pair_files(names: list[str]) -> list[Unit]:
    """Return the files as units, in the order of the first file of each. Mates are paired as in the pipeline.

    A file is left alone if several files could be its mate, such as S1_R2.fastq and S1_R2.fastq.gz.
    """
    roles = {name: parse(identify(name)) for name in names}
    groups: dict[str, dict[int, list[str]]] = {}
    for name, role in roles.items():
        if role and role.is_mate:
            groups.setdefault(role.pair, {1: [], 2: []})[role.number].append(name)
    units = {}
    for mates in groups.values():
        if len(mates[1]) == len(mates[2]) == 1:
            (first,), (second,) = mates[1], mates[2]
            role = roles[first]
            units[first] = units[second] = Unit(first, second, role is not None and role.sure)
    return list(dict.fromkeys(units.get(name) or Unit(name) for name in names))


def find_absent_mate(name: str) -> str | None:
    """Return the name of the mate of a file whose name leaves no doubt that it has one; otherwise None."""
    role = None if name == STANDARD_INPUT else parse(name)
    return role.partner if role and role.is_mate and role.sure else None
