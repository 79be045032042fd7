"""The rules of completion see the files in bundles as if they were objects."""

from __future__ import annotations

import io
from datetime import timedelta

from seqdrop.runs.bundle_listing import expand
from seqdrop.runs.bundles import write_bundle
from seqdrop.runs.completion import judge
from seqdrop.runs.files import RunFile

from tests.unit.runs.packing import NOON, MemoryFolder

LATER = NOON + timedelta(hours=1)


def bundle(folder: str, contents: dict[str, bytes], times=None) -> tuple[str, bytes]:
    """Return the name of a bundle's index below the run, and its content."""
    source = MemoryFolder(contents, times)
    index = write_bundle(source.files, source, io.BytesIO())
    return f"{folder}{index.name}", index.body


def as_set(files) -> set[tuple]:
    return {(file.name, file.size, file.modified) for file in files}


def test_files_of_a_bundle_arrived_with_the_later_of_its_two_objects():
    name, body = bundle("Analysis/1/", {"Logs/a.log": b"abc", "b": b""})
    tar = name.removesuffix(".index.tsv")
    files = [RunFile("RunInfo.xml", 5, NOON), RunFile(tar, 9999, NOON), RunFile(name, len(body), LATER)]

    expanded, warnings = expand(files, {name: body}.__getitem__)

    assert as_set(expanded) == {
        ("RunInfo.xml", 5, NOON),
        ("Analysis/1/Logs/a.log", 3, LATER),
        ("Analysis/1/b", 0, LATER),
    }
    assert warnings == []


def test_an_index_without_its_tar_has_no_files_and_is_not_read():
    name, body = bundle("", {"a": b"", "b": b""})
    assert expand([RunFile(name, len(body), NOON)], lambda name: 1 / 0) == ([], [])
    assert expand([RunFile(name.removesuffix(".index.tsv"), 1, NOON)], lambda name: 1 / 0) == ([], [])


def test_the_newest_version_of_a_file_counts():
    old, old_body = bundle("", {"a": b"1", "b": b"1"})
    new, new_body = bundle("", {"a": b"22"}, {"a": NOON + timedelta(seconds=1)})
    bodies = {old: old_body, new: new_body}
    files = [RunFile(f, 1, NOON) for name in bodies for f in (name, name.removesuffix(".index.tsv"))]
    for order in (files, files[::-1]):
        expanded, _ = expand([*order, RunFile("b", 333, LATER)], bodies.__getitem__)
        assert {file.name: file.size for file in expanded} == {"a": 2, "b": 333}


def test_a_damaged_index_is_a_warning_and_loses_no_other_file():
    name, body = bundle("", {"a": b"1", "b": b"1"})
    files = [RunFile(name, 1, NOON), RunFile(name.removesuffix(".index.tsv"), 1, NOON), RunFile("c", 1, NOON)]
    expanded, warnings = expand(files, lambda _: body[:-5])
    assert [file.name for file in expanded] == ["c"]
    assert warnings[0].startswith(f"{name}, line 4: ")


def test_an_index_that_was_deleted_meanwhile_is_no_error():
    name, _ = bundle("", {"a": b"1", "b": b"1"})

    def read(name: str) -> bytes:
        raise FileNotFoundError(name)

    assert expand([RunFile(name, 1, NOON), RunFile(name.removesuffix(".index.tsv"), 1, NOON)], read) == ([], [])


def test_an_analysis_whose_manifest_lists_bundled_files_is_complete():
    folder = "20240531_LH00586_0035_A22KCCTLT3"
    logs = {f"Data/logs/{number}.log": b"" for number in range(4)}
    index, body = bundle("Analysis/1/", logs)
    manifest = "".join(f"{name}\t00000000\n" for name in [*logs, "Data/Secondary_Analysis_Complete.txt"]).encode()
    bodies = {index: body, "Analysis/1/Manifest.tsv": manifest}
    markers = ("CopyComplete.txt", "Manifest.tsv", "Data/Secondary_Analysis_Complete.txt")
    names = [f"Analysis/1/{marker}" for marker in markers] + [index, index.removesuffix(".index.tsv")]
    files = [RunFile(name, len(bodies.get(name, b"")), NOON) for name in names]
    now = NOON + timedelta(days=1)

    assert judge(folder, files, bodies.__getitem__, now).analysis == 0
    assert judge(folder, expand(files, bodies.__getitem__)[0], bodies.__getitem__, now).analysis == 1
