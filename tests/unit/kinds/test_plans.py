"""The registry of kinds, and plans of earlier versions: attempts under way keep their plans over a deploy."""

import json
from pathlib import Path

import pytest
from seqdrop.config.kind import ALPHABETS, Kind, Kinds
from seqdrop.errors import ConfigurationError
from seqdrop.kinds.plans import KINDS, from_json, packaged, parse

OF_0_2_0 = json.loads(Path(__file__).with_name("plans_0_2_0.json").read_text())


@pytest.mark.parametrize("name", sorted(OF_0_2_0))
def test_a_plan_of_version_0_2_0_is_read_as_its_analysis(name):
    assert from_json(json.dumps(OF_0_2_0[name])) == packaged().by_name[name]


@pytest.mark.parametrize("name", sorted(OF_0_2_0))
def test_version_0_2_0_can_read_current_plans(name):
    """During a deploy, a Lambda of the previous version may get current plans, so they must not have new keys."""
    now, then = json.loads(packaged().by_name[name].as_json()), OF_0_2_0[name]
    assert now.keys() == then.keys()
    assert (now["use"] or {}).items() <= (then["use"] or {}).items()
    assert {key: now[key] for key in now if key != "use"} == {key: then[key] for key in then if key != "use"}


def test_each_kind_with_a_model_is_found_by_its_task_and_alphabet():
    for kind in KINDS.values():
        if kind.settings:
            assert KINDS.with_task(kind.task, kind.alphabet) is kind
    for alphabet in ALPHABETS:
        assert KINDS.with_task(None, alphabet).is_default
        assert sum(kind.is_default for kind in KINDS.of_alphabet(alphabet).values()) == 1


def test_two_kinds_with_the_same_name_are_refused():
    with pytest.raises(ValueError, match="same name"):
        Kinds(Kind(), Kind())


def test_kinds_without_a_model_are_keep_and_train():
    assert KINDS.without_model(["fastq", "bam"]).name == "keep"
    assert KINDS.without_model(["training"]).name == "train"


@pytest.mark.parametrize("formats", ['["fastq", "bam"]', '["fastq"]'])
def test_proteins_without_a_model_must_be_fasta(formats):
    text = f'[analyses.p]\nprefix = "p/"\nformats = {formats}\nalphabet = "protein"\nmax_gb = 1\n'
    with pytest.raises(ConfigurationError, match=r'formats must be \["fasta"\] for alphabet "protein"'):
        parse(text)
    assert parse(text.replace(formats, '["fasta"]')).by_name["p"].kind.name == "keep"


@pytest.mark.parametrize("name", sorted(kind.name for kind in KINDS.values() if kind.settings))
def test_a_trial_rejects_output_without_predictions(name):
    trial = KINDS[name].trial(120)
    assert len({json.loads(item)["id"] for item in trial.items}) == len(trial.items)
    error = json.dumps({"id": "x", "error": {"code": "c", "message": "m"}}).encode()
    for line in (error, b"", b"[]", b"not JSON", b'{"windows": [{}, {}]}'):
        assert trial.fault([line] * len(trial.items)), line
    assert trial.fault([])
