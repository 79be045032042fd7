"""The state file: what it remembers, who may send a file, and what it says if it is damaged."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqdrop_cli.uploader.parts import MAX_BYTES, MOST_PARTS, choose_part_size
from seqdrop_cli.uploader.records import Identity, Part, Sent
from seqdrop_cli.uploader.state import StateError, UploadState
from seqdrop_cli.uploader.state_file import default_path

FILE = Identity("/data/a", 10, 1, 1)
SENT = Sent("v1", "e", "c", "s")


def test_a_file_that_was_sent_is_remembered_until_it_changes(state, state_path):
    assert not state.claim("b", "k", FILE).sent
    state.finish("b", "k", SENT)
    state.close()
    with UploadState(state_path) as opened:
        assert opened.claim("b", "k", FILE).sent == SENT
        assert not opened.claim("b", "k2", FILE).sent
        assert not opened.claim("b2", "k", FILE).sent
        for change in (Identity("/data/a", 11, 1, 1), Identity("/data/a", 10, 2, 1), Identity("/data/a", 10, 1, 2)):
            assert not opened.claim("b", "k", change).sent
            opened.finish("b", "k", SENT)


def test_parts_are_remembered_with_their_upload(state, state_path):
    state.claim("b", "k", FILE)
    state.begin_parts("b", "k", "upload", 5)
    state.add_part("b", "k", Part(2, 5, "c", "e"))
    state.close()
    with UploadState(state_path) as opened:
        claim = opened.claim("b", "k", FILE)
        assert (claim.is_retry, claim.multipart, claim.part_size) == (True, "upload", 5)
        assert claim.parts == {2: Part(2, 5, "c", "e")}
        changed = opened.claim("b", "k", Identity("/data/a", 10, 2, 1))
        assert (changed.abandoned, changed.parts, changed.has_changed) == ("upload", {}, False)


def test_only_one_process_may_send_a_file(state, state_path):
    state.claim("b", "k", FILE)
    with UploadState(state_path) as other:
        assert other.claim("b", "k", FILE).is_busy
        state.release("b", "k")
        assert other.claim("b", "k", FILE).is_retry


def test_what_a_killed_process_was_sending_may_be_taken_over_at_once(state, state_path):
    """The lock of its file ends with the process, so no time has to pass."""
    text = (
        "import os, signal, sys; from pathlib import Path; from seqdrop_cli.uploader.state import UploadState;"
        "from seqdrop_cli.uploader.records import Identity; state = UploadState(Path(sys.argv[1]));"
        "state.claim('b', 'k', Identity('/data/a', 10, 1, 1)); print('claimed', flush=True); sys.stdin.read()"
    )
    words = [sys.executable, "-c", text, str(state_path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "claimed\n"
        assert state.claim("b", "k", FILE).is_busy
        process.kill()
        process.wait()
        assert state.claim("b", "k", FILE).is_retry


@pytest.mark.parametrize("body", [b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_state_file_is_named_with_the_next_step(state_path, body):
    state_path.parent.mkdir(parents=True)
    state_path.write_bytes(body)
    with pytest.raises(StateError, match=r"uploads\.sqlite3 .*move it away and repeat the command: S3 is asked"):
        UploadState(state_path)


def test_a_state_file_of_a_later_version_is_not_touched(state, state_path):
    state._database.execute("PRAGMA user_version=9")
    state.close()
    with pytest.raises(StateError, match="another version"):
        UploadState(state_path)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="--state"):
        UploadState(tmp_path / "file/uploads.sqlite3")


def test_sent_files_are_listed_in_order(state):
    for number in range(1203):
        state.claim("b", f"k{number:04}", FILE)
        state.finish("b", f"k{number:04}", SENT)
    state.claim("b", "unfinished", FILE)
    assert [key for key, _, _ in state.sent_files("b")] == [f"k{number:04}" for number in range(1203)]


@pytest.mark.parametrize(
    ("environment", "platform", "path"),
    [
        ({"XDG_STATE_HOME": "/x"}, "linux", "/x/seqdrop/uploads.sqlite3"),
        ({"LOCALAPPDATA": "/l"}, "win32", "/l/seqdrop/uploads.sqlite3"),
        ({}, "linux", os.path.expanduser("~/.local/state/seqdrop/uploads.sqlite3")),  # noqa: PTH111
    ],
)
def test_the_place_of_the_state_file(environment, platform, path):
    assert default_path(environment, platform) == Path(path)


@settings(deadline=None)
@given(st.integers(1, 10_000 * (64 << 10)))
def test_parts_are_few_enough_and_fit_the_memory(size):
    part = choose_part_size(size)
    assert -(-size // part) <= MOST_PARTS
    assert part <= MAX_BYTES // MOST_PARTS
