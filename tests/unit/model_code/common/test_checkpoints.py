"""Checkpoints: a channel with a folder or its archive, and a model folder completed by its serving code."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile

import pytest
from common import checkpoints

from tests.support.model_code import MODEL_CODE


@pytest.fixture
def channel(tmp_path):
    """Return a channel whose archive contains these files; "__" in a name stands for "/"."""

    def make(**files: str):
        with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as tar:
            for name, text in files.items():
                info = tarfile.TarInfo(name.replace("__", "/"))
                info.size = len(text)
                tar.addfile(info, io.BytesIO(text.encode()))
        return tmp_path

    return make


def test_an_archive_is_unpacked_while_it_is_used(channel):
    with checkpoints.open_checkpoint(
        channel(**{"weights__config.json": "{}", "weights__vocab.txt": "A\nB\n"})
    ) as folder:
        assert checkpoints.read_vocabulary(folder / "vocab.txt") == {"A": 0, "B": 1}
    assert not folder.exists()


@pytest.mark.parametrize("opened", ["own", "other"])
def test_an_archive_is_unpacked_only_if_it_is_the_one_of_the_job(channel, monkeypatch, opened):
    folder = channel(**{"config.json": "{}"})
    digest = hashlib.sha256((folder / "model.tar.gz").read_bytes()).hexdigest()
    monkeypatch.setenv("SEQDROP_WEIGHTS_SHA256", digest if opened == "own" else "ab" * 32)
    if opened == "own":
        with checkpoints.open_checkpoint(folder) as unpacked:
            assert (unpacked / "config.json").is_file()
        return
    monkeypatch.setattr(checkpoints, "unpack", lambda *_: pytest.fail("it was unpacked"))
    with (
        pytest.raises(ValueError, match=f"has the SHA-256 {digest}, not {'ab' * 32}"),
        checkpoints.open_checkpoint(folder),
    ):
        pass


TOKENS = {"[PAD]": 0, "A": 1, "C": 2, "unused": 4}


def write_tokenizer(folder, kind="WordPiece", vocabulary=TOKENS):
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"type": kind, "vocab": vocabulary}}))


@pytest.mark.parametrize("kind", ["WordPiece", "WordLevel"])
def test_tokens_are_read_from_tokenizer_json(tmp_path, kind):
    write_tokenizer(tmp_path, kind)
    assert checkpoints.read_token_ids(tmp_path) == TOKENS


def test_vocab_txt_precedes_tokenizer_json(tmp_path):
    write_tokenizer(tmp_path)
    (tmp_path / "vocab.txt").write_text("B\n")
    assert checkpoints.read_token_ids(tmp_path) == {"B": 0}


@pytest.mark.parametrize("own", [False, True])
def test_a_copied_vocabulary_has_the_same_ids(tmp_path, own):
    """Also for an id without a token."""
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    write_tokenizer(source)
    if own:
        (source / "vocab.txt").write_text("[PAD]\r\nA\r\nC\r\n\r\nunused\r\n", newline="")
    checkpoints.copy_vocabulary(source, target)
    assert checkpoints.read_vocabulary(target / "vocab.txt") == TOKENS


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (None, "neither vocab.txt nor tokenizer.json"),
        ("{", "tokenizer.json is not a tokenizer"),
        ("[]", "tokenizer.json is not a tokenizer"),
        ('{"model": null}', "tokenizer.json is not a tokenizer"),
        ('{"model": {"type": "BPE", "vocab": {"A": 0}}}', "is a BPE vocabulary"),
        ('{"model": {"type": "Unigram", "vocab": [["A", 0.0]]}}', "is a Unigram vocabulary"),
    ],
)
def test_a_folder_without_words_is_refused(tmp_path, body, message):
    if body is not None:
        (tmp_path / "tokenizer.json").write_text(body)
    with pytest.raises(ValueError, match=message):
        checkpoints.read_token_ids(tmp_path)


def test_a_folder_is_used_in_place(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with checkpoints.open_checkpoint(tmp_path) as folder:
        assert folder == tmp_path
    assert folder.exists()


def test_a_channel_without_a_checkpoint_is_refused(channel, tmp_path):
    with pytest.raises(ValueError, match="has no config.json"), checkpoints.open_checkpoint(tmp_path):
        pass
    with pytest.raises(ValueError, match="has no config.json"), checkpoints.open_checkpoint(channel(README="x")):
        pass


def test_an_archive_with_a_member_outside_its_folder_is_refused(channel):
    with pytest.raises(tarfile.OutsideDestinationError), checkpoints.open_checkpoint(channel(**{"..__out": "x"})):
        pass


@pytest.mark.parametrize("family", ["dnabert", "protein"])
def test_the_serving_code_is_copied_into_a_model_folder(tmp_path, family):
    weights = tmp_path / "model.safetensors"
    weights.touch(mode=0o600)
    checkpoints.make_servable(tmp_path, MODEL_CODE / family / "train.py")
    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.py")}
    expected = {f"code/{path.name}" for path in (MODEL_CODE / family).glob("*.py")}
    assert names == expected | {f"code/common/{path.name}" for path in (MODEL_CODE / "common").glob("*.py")}
    assert weights.stat().st_mode & 0o777 == 0o644
