"""The run that a key belongs to, and the files that a manifest lists."""

import json
import shlex
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.companions.manifest import parse
from seqdrop.companions.runs import folders, marker_command, run_of
from seqdrop.errors import InvalidFileError
from seqdrop.reads.checksums import Checksums

PARTS = st.text(alphabet="ab.+ é%", min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("key", "run"),
    [
        ("reads/run7/S1.fastq", "reads/run7/"),
        ("reads/run7/Data/L001/S1.fastq", "reads/run7/"),
        ("reads/S1.fastq", ""),
        ("reads//S1.fastq", "reads//"),
        ("elsewhere/run7/S1.fastq", ""),
    ],
)
def test_the_first_folder_below_the_prefix_identifies_the_run(key, run):
    assert run_of(key, "reads/") == run


@given(st.lists(PARTS, min_size=2))
def test_all_files_below_a_folder_belong_to_one_run(parts):
    key = "raw/" + "/".join(parts)
    assert run_of(key, "raw/") == f"raw/{parts[0]}/"
    assert key.startswith(run_of(key, "raw/"))


@given(st.lists(PARTS, min_size=1), st.sampled_from(["raw/", "a/b/"]))
def test_the_folders_of_a_key_are_those_below_the_prefix(parts, prefix):
    key = prefix + "/".join(parts)
    listed = folders(key, prefix)
    assert len(listed) == len(parts) - 1
    assert all(key.startswith(folder) and folder.endswith("/") and len(folder) > len(prefix) for folder in listed)
    assert sorted(listed, key=len, reverse=True) == listed
    assert run_of(key, prefix) == (listed[-1] if listed else "")
    assert folders("elsewhere/" + key, prefix) == []


@given(st.text(min_size=1))
def test_the_command_that_drops_a_marker_quotes_any_folder(name):
    assert shlex.split(marker_command("bucket", f"raw/{name}/"))[-1] == f"raw/{name}/CopyComplete.txt"


def test_a_manifest_lists_files_with_or_without_sizes():
    manifest = parse(b'\xef\xbb\xbf{"files": [{"name": "a/b c.fq", "size": 0}, {"name": "d"}], "made_by": "us"}')
    assert manifest.files == {"a/b c.fq": 0, "d": None}
    assert manifest.missing({"a/b c.fq": 1}) == ["a/b c.fq", "d"]
    assert manifest.missing({"a/b c.fq": 0, "d": 5, "other": 1}) == []


def test_a_manifest_may_give_checksums():
    body, empty = "5" * 64, {"name": "e", "size": 0, "crc32": "00000000"}
    manifest = parse(json.dumps({"files": [{"name": "a", "sha256": body}, empty, {"name": "f"}]}).encode())
    assert manifest.checksums == {"a": Checksums(sha256=body), "e": Checksums(crc32="00000000")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is not valid JSON"),
        ("[" * 100_000, "it is not valid JSON"),
        ("[]", 'it has no list "files"'),
        ("{}", 'it has no list "files"'),
        ('{"files": []}', "at least one file"),
        ('{"files": ["a.fastq"]}', "file 1 must be an object with a name"),
        ('{"files": [{"name": "a"}, {"path": "b"}]}', "file 2 must be an object with a name"),
        ('{"files": [{"name": "a", "bytes": 1}]}', "nothing else"),
        ('{"files": [{"name": "a"}, {"name": "a"}]}', "file 2 is listed twice: a"),
        ('{"files": [{"name": "/a"}]}', "must be its path below the folder"),
        ('{"files": [{"name": ""}]}', "must be its path below the folder"),
        ('{"files": [{"name": "../a"}]}', "must be its path below the folder"),
        ('{"files": [{"name": "a/./b"}]}', "must be its path below the folder"),
        ('{"files": [{"name": "a", "size": "1"}]}', "the size of file 1"),
        ('{"files": [{"name": "a", "size": -1}]}', "the size of file 1"),
        ('{"files": [{"name": "a", "size": true}]}', "the size of file 1"),
        ('{"files": [{"name": "a", "sha256": "00"}]}', "the sha256 of file 1 must have 64"),
        ('{"files": [{"name": "a"}, {"name": "b", "crc32": "ABCDEF00"}]}', "the crc32 of file 2 must have 8"),
        ('{"files": [{"name": "a", "crc32": 12345678}]}', "the crc32 of file 1 must have 8"),
        ('{"files": [{"name": "a", "md5": "d41d8cd98f00b204e9800998ecf8427e"}]}', "nothing else"),
    ],
)
def test_the_error_names_the_bad_entry(text, message):
    with pytest.raises(InvalidFileError) as caught:
        parse(text.encode())
    assert caught.value.fault.code == "bad_manifest"
    assert message in caught.value.fault.message


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda values: st.lists(values) | st.dictionaries(st.text(), values)
    )
)
def test_any_json_is_parsed_or_rejected(document):
    for content in (document, {"files": document}, {"files": [document]}, {"files": [{"name": document}]}):
        with suppress(InvalidFileError):
            assert parse(json.dumps(content).encode()).files
