"""analyses.toml: the packaged one is valid, and a wrong one says what is wrong."""

import json
import re
from dataclasses import fields

import pytest
from seqdrop.errors import ConfigurationError
from seqdrop.kinds.plans import from_json, packaged, parse

GOOD = """
[analyses.reads]
prefix = "reads/"
formats = ["fastq"]
max_gb = 1
model = "m"
k = 6
window = 70
stride = 70
strands = "+"
threshold = 0.5
max_n_fraction = 0.1
label = "x"
"""


def test_the_packaged_one_has_its_prefixes():
    prefixes = ["contigs/", "embed/", "masked/", "proteins/", "raw/", "reads/", "training/"]
    assert packaged().prefixes == prefixes
    assert packaged().by_name["raw"].settings is None
    assert packaged().by_name["contigs"].settings.window == 300


def test_the_longest_prefix_wins():
    both = parse(GOOD + '[analyses.raw]\nprefix = "reads/raw/"\nformats = ["fastq"]\nmax_gb = 1\n')
    assert both.for_key("reads/raw/x").name == "raw"
    assert both.for_key("reads/x").name == "reads"
    assert both.for_key("read/x") is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('prefix = "reads/"', 'prefix = "reads"'), "must end in a slash"),
        (("stride = 70", "stride = 71"), "stride must be 1 to window"),
        (("stride = 70", "stride = 0"), "stride is 0; it must be a whole number from 1"),
        (("k = 6", "k = 7"), "k is 7; it must be a whole number from 3 to 6"),
        (('strands = "+"', 'strands = "-"'), 'strands is "-"; it must be one of "+", "+-"'),
        (('["fastq"]', '["fastq", "cram"]'), "formats must be some of"),
        (("threshold = 0.5", "threshold = 50"), "threshold is 50; it must be a number from 0 to 1"),
        (("threshold = 0.5", ""), "threshold is missing; it must be a number from 0 to 1"),
        (('label = "x"', ""), "label is missing; it must be what the positive class is named"),
        (('label = "x"', 'label = "x"\nprior = 0.0'), "prior is 0.0; it must be a number"),
        (('label = "x"', 'label = "x"\ndistance = 0'), "distance is 0; it must be a whole number from 1"),
        (('label = "x"', 'label = "x"\ntask = "guess"'), "task must be one of promoter, masked, embed"),
        (('label = "x"', 'label = "x"\nshort = "pad"'), 'short is "pad"; it must be one of'),
        (
            ('label = "x"', 'label = "x"\nprecision = "fp8"'),
            'precision is "fp8"; it must be one of "auto", "fp32"',
        ),
        (('label = "x"', 'label = "x"\ntask = "embed"'), "threshold is no setting"),
        (("max_gb = 1", "max_gb = 101"), "max_gb"),
        (("label =", "lable ="), "lable"),
        (('model = "m"', 'model = "org/DNABERT_6"'), "it must be 1 to 36 letters"),
        (("label =", "max_reads = 0\nlabel ="), "max_reads is 0; it must be a whole number from 1 to 1,000,000"),
        (("label =", "max_reads = 1000001\nlabel ="), "max_reads is 1000001"),
        (("label =", "max_reads = true\nlabel ="), "max_reads is true"),
        (("label =", "seed = -1\nlabel ="), "seed is -1; it must be a whole number from 0"),
        (("label =", 'collapse = "yes"\nlabel ='), 'collapse is "yes"; it must be true or false'),
        (("label =", "collapse = true\ntracks = true\nlabel ="), "not both"),
        (("analyses.reads", 'analyses."the reads"'), "a name is"),
        (("max_gb = 1", 'max_gb = 1\nmates = "both"'), "mates must be one of wait, check, single"),
        (("max_gb = 1", "max_gb = 1\nmate_hours = 0"), "mate_hours must be above 0"),
        (('["fastq"]', '["fasta"]\nmates = "wait"'), "is for FASTQ"),
        (("max_gb = 1", 'max_gb = 1\ngate = "mates"'), 'gate must be "run", or left out'),
        (("max_gb = 1", "max_gb = 1\ngate = true"), 'gate must be "run", or left out'),
        (("max_gb = 1", "max_gb = 1\ngate_hours = 0"), "gate_hours must be above 0"),
    ],
)
def test_what_is_wrong_is_named(change, message):
    with pytest.raises(ConfigurationError, match=r"analysis '(the )?reads'") as caught:
        parse(GOOD.replace(*change))
    assert message in str(caught.value)


def test_the_threshold_of_jobs_is_one_number():
    assert packaged().lambda_gb == 2.0
    few = parse("[validation]\nlambda_gb = 0.5\n" + GOOD)
    assert (few.in_job(500_000_000), few.in_job(500_000_001)) == (False, True)
    assert not parse("[validation]\nlambda_gb = 0\n" + GOOD).in_job(0)


@pytest.mark.parametrize("wrong", ["lambda_gb = -1", "lambda_gb = 16", "lamda_gb = 1"])
def test_a_wrong_threshold_is_named(wrong):
    with pytest.raises(ConfigurationError, match=r"lamb?da_gb"):
        parse(f"[validation]\n{wrong}\n" + GOOD)


def test_the_name_of_examining_jobs_is_taken():
    with pytest.raises(ConfigurationError, match="taken"):
        parse(GOOD.replace("analyses.reads", "analyses.examine"))


def test_reads_wait_for_their_mates_and_raw_data_does_not():
    assert {name: one.mates for name, one in packaged().by_name.items()} == {
        "reads": "wait",
        "contigs": "single",
        "embed": "single",
        "proteins": "single",
        "raw": "check",
        "masked": "single",
        "training": "single",
    }
    assert parse(GOOD).by_name["reads"].mates == "single"


def test_files_wait_for_their_run_only_where_it_is_asked_for():
    assert {one.gate for one in packaged().by_name.values()} == {""}
    (found,) = parse(GOOD.replace("max_gb = 1", 'max_gb = 1\ngate = "run"\ngate_hours = 12')).by_name.values()
    assert (found.gate, found.gate_hours) == ("run", 12.0)
    assert from_json(found.as_json()) == found


def test_a_training_takes_no_gate():
    with pytest.raises(ConfigurationError, match="waits for its job.toml"):
        parse('[analyses.training]\nprefix = "t/"\nformats = ["training"]\nmax_gb = 1\ngate = "run"\n')


def test_two_analyses_may_not_share_a_prefix():
    with pytest.raises(ConfigurationError, match="same prefix"):
        parse(GOOD + GOOD.replace("analyses.reads", "analyses.again"))


def test_an_analysis_survives_the_ledger():
    for analysis in packaged().by_name.values():
        if analysis.settings:
            assert from_json(analysis.as_json()) == analysis


def test_a_work_item_must_fit_in_a_request():
    with pytest.raises(ConfigurationError, match="does not fit"):
        parse(GOOD + "[analyses.reads.job]\nwindows_per_item = 90000\n")


def test_job_bounds():
    with pytest.raises(ConfigurationError, match="100 at the most"):
        parse(GOOD + "[analyses.reads.job]\nmax_payload_mb = 101\n")
    with pytest.raises(ConfigurationError, match="98 at the most"):
        parse(GOOD + "[analyses.reads.job]\nmax_members = 99\n")


def plain(task: str, **changes) -> str:
    """GOOD as another task has it."""
    text = GOOD.replace("threshold = 0.5\n", f'task = "{task}"\n').replace('label = "x"\n', "")
    for name, value in changes.items():
        text = re.sub(rf"^{name} = .*$", f"{name} = {value}", text, flags=re.MULTILINE)
    return text


@pytest.mark.parametrize("task", ["masked", "embed"])
def test_other_tasks_have_no_threshold(task):
    analysis = parse(plain(task, window=200, stride=200)).by_name["reads"]
    assert analysis.kind.task == task
    assert not {"threshold", "label", "prior"} & {one.name for one in fields(analysis.settings)}


def test_a_mask_is_filled_on_the_forward_strand():
    with pytest.raises(ConfigurationError, match="forward strand"):
        parse(plain("masked", strands='"+-"'))


def test_what_is_masked_is_read_in_one_lambda():
    with pytest.raises(ConfigurationError, match="max_gb must be 2 at the most"):
        parse(plain("masked", max_gb=3))


def test_embeddings_of_a_request_must_fit_in_its_answer():
    with pytest.raises(ConfigurationError, match="too many; take a longer stride"):
        parse(plain("embed", stride=70, window=300) + "[analyses.reads.job]\nwindows_per_item = 1\n")


PROTEINS = """
[analyses.p]
prefix = "p/"
formats = ["fasta"]
alphabet = "protein"
max_gb = 1
task = "structure"
model = "m"
"""


def test_proteins_have_settings_of_their_own():
    found = parse(PROTEINS).by_name["p"]
    assert (found.alphabet, found.settings.window, found.settings.overlap) == ("protein", None, 128)
    assert from_json(found.as_json()) == found
    settings = {"SEQDROP_TASK": "structure", "SEQDROP_OVERLAP": "128"}
    assert found.kind.environment(found) == settings
    cut = parse(PROTEINS + "window = 500\noverlap = 0\n").by_name["p"]
    assert cut.kind.environment(cut) == settings | {"SEQDROP_OVERLAP": "0", "SEQDROP_WINDOW": "500"}


def test_a_plan_from_before_alphabets_is_of_dna():
    plain = parse(GOOD).by_name["reads"]
    old = json.loads(plain.as_json())
    del old["alphabet"]
    assert from_json(json.dumps(old)) == plain


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('"protein"', '"rna"'), "alphabet must be one of dna, protein"),
        (('["fasta"]', '["fastq"]'), 'proteins come as FASTA: formats must be ["fasta"]'),
        (('"structure"', '"promoter"'), "task must be one of structure, embed, for alphabet protein"),
        (('model = "m"', 'model = "m"\nstride = 5'), "stride"),
        (('model = "m"', 'model = "m"\nwindow = 0'), "window is 0; it must be a whole number from 1"),
        (('model = "m"', 'model = "m"\noverlap = -1'), "overlap is -1; it must be a whole number from 0"),
        (('model = "m"', 'model = "a/b"'), "it must be 1 to 36 letters"),
    ],
)
def test_what_is_wrong_with_an_analysis_of_proteins(change, message):
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        parse(PROTEINS.replace(*change))
