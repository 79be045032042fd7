"""Checkpoints: a channel with a folder or its archive, and a model folder completed by its serving code."""

from __future__ import annotations

import io
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
