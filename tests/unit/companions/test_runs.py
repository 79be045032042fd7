"""What a key says of its run, and what a manifest does."""

import json
import shlex
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.companions.manifest import parse
from seqdrop.companions.runs import folders, marker_command, run_of
from seqdrop.errors import InvalidFileError

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
def test_the_first_folder_below_the_prefix_stands_for_the_run(key, run):
    assert run_of(key, "reads/") == run


@given(st.lists(PARTS, min_size=2))
def test_files_of_one_folder_are_of_one_run_however_deep(parts):
    key = "raw/" + "/".join(parts)
    assert run_of(key, "raw/") == f"raw/{parts[0]}/"
    assert key.startswith(run_of(key, "raw/"))


@given(st.lists(PARTS, min_size=1), st.sampled_from(["raw/", "a/b/"]))
def test_the_folders_of_a_key_are_all_between_it_and_the_prefix(parts, prefix):
    key = prefix + "/".join(parts)
    found = folders(key, prefix)
    assert len(found) == len(parts) - 1
    assert all(key.startswith(folder) and folder.endswith("/") and len(folder) > len(prefix) for folder in found)
    assert sorted(found, key=len, reverse=True) == found
    assert run_of(key, prefix) == (found[-1] if found else "")
    assert folders("elsewhere/" + key, prefix) == []


@given(st.text(min_size=1))
def test_the_command_that_drops_a_marker_survives_any_folder(name):
    assert shlex.split(marker_command("bucket", f"raw/{name}/"))[-1] == f"raw/{name}/CopyComplete.txt"


def test_a_manifest_names_files_with_or_without_their_sizes():
    found = parse(b'\xef\xbb\xbf{"files": [{"name": "a/b c.fq", "size": 0}, {"name": "d"}], "made_by": "us"}')
    assert found.files == {"a/b c.fq": 0, "d": None}
    assert found.missing({"a/b c.fq": 1}) == ["a/b c.fq", "d"]
    assert found.missing({"a/b c.fq": 0, "d": 5, "other": 1}) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is no JSON"),
        ("[" * 100_000, "it is no JSON"),
        ("[]", 'it has no list "files"'),
        ("{}", 'it has no list "files"'),
        ('{"files": []}', "at least one file"),
        ('{"files": ["a.fastq"]}', "file 1 must have a name"),
        ('{"files": [{"name": "a"}, {"path": "b"}]}', "file 2 must have a name"),
        ('{"files": [{"name": "a", "bytes": 1}]}', "nothing else"),
        ('{"files": [{"name": "a"}, {"name": "a"}]}', "file 2 is named twice: a"),
        ('{"files": [{"name": "/a"}]}', "by its path below the folder"),
        ('{"files": [{"name": ""}]}', "by its path below the folder"),
        ('{"files": [{"name": "../a"}]}', "by its path below the folder"),
        ('{"files": [{"name": "a/./b"}]}', "by its path below the folder"),
        ('{"files": [{"name": "a", "size": "1"}]}', "the size of file 1"),
        ('{"files": [{"name": "a", "size": -1}]}', "the size of file 1"),
        ('{"files": [{"name": "a", "size": true}]}', "the size of file 1"),
    ],
)
def test_a_bad_manifest_says_which_entry_is_bad(text, message):
    with pytest.raises(InvalidFileError) as caught:
        parse(text.encode())
    assert caught.value.fault.code == "bad_manifest"
    assert message in caught.value.fault.message


@given(st.recursive(st.none() | st.integers() | st.text(), lambda one: st.lists(one) | st.dictionaries(st.text(), one)))
def test_any_json_is_a_manifest_or_a_bad_one(document):
    for content in (document, {"files": document}, {"files": [document]}, {"files": [{"name": document}]}):
        with suppress(InvalidFileError):
            assert parse(json.dumps(content).encode()).files
