"""analyses.toml: the packaged file is valid, and messages name what is wrong with a broken one."""

import json
import re
from dataclasses import fields, replace

import pytest
from seqdrop.config.documents import ConfigFileError, FileFault
from seqdrop.config.job_settings import JobSettings
from seqdrop.config.problems import SettingsError
from seqdrop.errors import ConfigurationError
from seqdrop.kinds.registry import KINDS, from_json, packaged, parse

GOOD = """\
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


def faults(text: str) -> list[FileFault]:
    """Return the faults of an analyses.toml."""
    with pytest.raises(ConfigFileError) as raised:
        parse(text)
    return raised.value.faults


def test_the_packaged_file_has_its_prefixes():
    prefixes = ["contigs/", "embed/", "masked/", "proteins/", "raw/", "reads/", "runs/", "training/", "truth/"]
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
        (('prefix = "reads/"', 'prefix = "reads"'), 'prefix is "reads"; it must be a text that ends in a slash'),
        (("stride = 70", "stride = 71"), "stride is 71; it must be 1 to window (70)"),
        (("stride = 70", "stride = 0"), "stride is 0; it must be a whole number from 1"),
        (("window = 70\nstride = 70", "window = 5\nstride = 5"), "window is 5; it must be at least k (6)"),
        (("k = 6", "k = 7"), "k is 7; it must be a whole number from 3 to 6"),
        (("k = 6", "k = 6.0"), "k is 6.0; it must be a whole number from 3 to 6"),
        (('strands = "+"', 'strands = "-"'), 'strands is "-"; it must be one of "+", "+-"'),
        (
            ('["fastq"]', '["fastq", "cram"]'),
            'formats is ["fastq", "cram"]; it must be a list of one or more of "fastq"',
        ),
        (('["fastq"]', "[]"), "formats is []; it must be a list of one or more of"),
        (('["fastq"]', '"fastq"'), 'formats is "fastq"; it must be a list of one or more of'),
        (("threshold = 0.5", "threshold = 50"), "threshold is 50; it must be a number from 0 to 1"),
        (("threshold = 0.5", "threshold = nan"), "threshold is nan; it must be a number from 0 to 1"),
        (("threshold = 0.5", ""), "threshold is missing; it must be a number from 0 to 1"),
        (('label = "x"', ""), "label is missing; it must be the model card's name of the positive class"),
        (('label = "x"', 'label = "x"\nprior = 0.0'), "prior is 0.0; it must be a number above 0 and below 1"),
        (('label = "x"', 'label = "x"\ndistance = 0'), "distance is 0; it must be a whole number from 1"),
        (
            ('label = "x"', 'label = "x"\ntask = "guess"'),
            'task is "guess"; it must be one of "promoter", "masked", "embed"',
        ),
        (('label = "x"', 'label = "x"\nshort = "pad"'), 'short is "pad"; it must be one of "skip", "score"'),
        (('label = "x"', 'label = "x"\nprecision = "fp8"'), 'it must be one of "auto", "fp32", "bf16", "int8"'),
        (
            ('label = "x"', 'label = "x"\noverlap = 3'),
            'overlap is for task "structure" or "embed" of alphabet "protein", not',
        ),
        (("max_gb = 1", "max_gb = 801"), "max_gb is 801; it must be a number above 0 and at most 800"),
        (("max_gb = 1", "max_gb = 0"), "max_gb is 0; it must be a number above 0 and at most 800"),
        (("max_gb = 1", 'max_gb = "1"'), 'max_gb is "1"; it must be a number above 0 and at most 800'),
        (("max_gb = 1\n", ""), "max_gb is missing; it must be a number above 0 and at most 800"),
        (("label =", "lable ="), "lable is not a known setting; did you mean label?"),
        (("window =", "windw ="), "windw is not a known setting; did you mean window?"),
        (
            ('model = "m"', 'model = "org/DNABERT_6"'),
            'model is "org/DNABERT_6"; it must be 1 to 36 letters, digits and',
        ),
        (("label =", "max_reads = 0\nlabel ="), "max_reads is 0; it must be a whole number from 1 to 1,000,000"),
        (("label =", "max_reads = 1000001\nlabel ="), "max_reads is 1000001; it must be a whole number from 1 to"),
        (("label =", "max_reads = true\nlabel ="), "max_reads is true; it must be a whole number from 1 to"),
        (("label =", "seed = -1\nlabel ="), "seed is -1; it must be a whole number from 0"),
        (("label =", 'collapse = "yes"\nlabel ='), 'collapse is "yes"; it must be true or false'),
        (
            ("label =", "collapse = true\ntracks = true\nlabel ="),
            "collapse is for reads and tracks is for genome coordinates; set only one of them",
        ),
        (("max_gb = 1", 'max_gb = 1\nmates = "both"'), 'mates is "both"; it must be one of "wait", "check", "single"'),
        (
            ("max_gb = 1", "max_gb = 1\nmate_hours = 0"),
            "mate_hours is 0; it must be a number above 0 and at most 87,600",
        ),
        (("max_gb = 1", "max_gb = 1\nmate_hours = inf"), "mate_hours is inf; it must be a number above 0 and at most"),
        (('["fastq"]', '["fasta"]\nmates = "wait"'), 'mates is "wait", which is for FASTQ, but formats has no "fastq"'),
        (("max_gb = 1", 'max_gb = 1\ngate = "mates"'), 'gate is "mates"; it must be "run", or left out'),
        (("max_gb = 1", "max_gb = 1\ngate = true"), 'gate is true; it must be "run", or left out'),
        (
            ("max_gb = 1", "max_gb = 1\ngate_hours = 0"),
            "gate_hours is 0; it must be a number above 0 and at most 87,600",
        ),
    ],
)
def test_a_wrong_setting_is_named(change, message):
    assert GOOD.replace(*change) != GOOD
    (fault,) = faults(GOOD.replace(*change))
    assert fault.message.startswith("analyses.reads.")
    assert message in fault.message


READS = "analyses.reads"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            GOOD.replace(READS, 'analyses."the reads"'),
            'analyses."the reads" is not a valid name of an analysis; the name must have 1 to',
        ),
        (f"{GOOD}[{READS}.jobs]", f"{READS}.jobs is not a known table; did you mean job?"),
        (
            f"{GOOD}[{READS}.job]\nmax_member = 1",
            f"{READS}.job.max_member is not a known setting; did you mean max_members?",
        ),
        (f"{GOOD}[validations]", "validations is not a known table; did you mean validation?"),
        (f"{GOOD}[other]", "other is not a known table; known keys are analyses, validation"),
        (GOOD.replace(READS, "analysis.reads"), "analysis is not a known table; did you mean analyses?"),
        ("", "analyses is missing: each prefix needs a table [analyses.NAME]"),
        ("analyses = 3", "analyses must be a table: write [analyses.NAME]"),
        (f"{READS} = 3", f"{READS} is 3; it must be a table: write [{READS}]"),
        (f"{GOOD}job = 3", f"{READS}.job is 3; it must be a table: write [{READS}.job]"),
        (f"{GOOD}severity = 3", f"{READS}.severity is 3; it must be a table: write [{READS}.severity]"),
        (f"{GOOD}severity.crfl = 'error'", f"{READS}.severity.crfl is not a code of a fault; did you mean crlf?"),
        (
            f"{GOOD}severity.xyzzy = 'error'",
            f"{READS}.severity.xyzzy is not a code of a fault; docs/formats.md lists them",
        ),
        (
            f"{GOOD}severity.crlf = 'warn'",
            f'{READS}.severity.crlf is "warn"; it must be one of "error", "warning", "ig',
        ),
        (f"{GOOD}severity.crlf = []", f"{READS}.severity.crlf is []; it must be one of"),
        (f"{GOOD}severity.truncated = 'ignore'", f'{READS}.severity.truncated is "ignore"; it must be "error": such a'),
    ],
)
def test_a_wrong_table_is_named(text, message):
    (fault,) = faults(text)
    assert fault.message.startswith(message)


def test_all_faults_are_reported_at_once_with_their_lines():
    text = """[validation]
lamda_gb = 2
[analyses.reads]
formats = ["fastq"]
max_gb = "5"
model = "m"
k = 9
windw = 70
stride = 0
strands = "+"
max_n_fraction = 0.1
label = "x"
prior = 1.0
[analyses.reads.job]
max_members = 99
[analyses.reads.severity]
crfl = "error"
[analyses.raw]
prefix = "raw/"
formats = ["bam"]
max_gb = 1
mates = "check"
"""
    # A missing key has the line of its table. window is not reported as missing, since windw is probably meant as
    # window. Rules between window, stride and k are not applied, since these settings are wrong.
    assert [(fault.line, fault.message.split(" ")[0]) for fault in faults(text)] == [
        (2, "validation.lamda_gb"),
        (3, "analyses.reads.prefix"),
        (3, "analyses.reads.threshold"),
        (5, "analyses.reads.max_gb"),
        (7, "analyses.reads.k"),
        (8, "analyses.reads.windw"),
        (9, "analyses.reads.stride"),
        (13, "analyses.reads.prior"),
        (15, "analyses.reads.job.max_members"),
        (17, "analyses.reads.severity.crfl"),
        (22, "analyses.raw.mates"),
    ]


def test_a_message_starts_with_the_file_and_the_line():
    with pytest.raises(ConfigFileError, match=r"^analyses\.toml:6: analyses\.reads\.k is 7; it must be") as raised:
        parse(GOOD.replace("k = 6", "k = 7"))
    assert isinstance(raised.value, ConfigurationError)
    assert not raised.value.retryable


def test_files_above_the_threshold_need_a_job():
    assert packaged().lambda_gb == 2.0
    analyses = parse("[validation]\nlambda_gb = 0.5\n" + GOOD)
    assert (analyses.needs_job(500_000_000), analyses.needs_job(500_000_001)) == (False, True)
    assert not parse("[validation]\nlambda_gb = 0\n" + GOOD).needs_job(0)


@pytest.mark.parametrize("wrong", ["lambda_gb = -1", "lambda_gb = 16", "lamda_gb = 1"])
def test_a_wrong_threshold_is_named(wrong):
    with pytest.raises(ConfigurationError, match=r"lamb?da_gb"):
        parse(f"[validation]\n{wrong}\n" + GOOD)


def test_the_name_of_examination_jobs_is_reserved():
    (fault,) = faults(GOOD.replace("analyses.reads", "analyses.examine"))
    assert "analyses.examine is a reserved name" in fault.message


def test_reads_wait_for_their_mates_and_raw_data_does_not():
    assert {name: analysis.mates for name, analysis in packaged().by_name.items()} == {
        "reads": "wait",
        "contigs": "single",
        "embed": "single",
        "proteins": "single",
        "raw": "check",
        "runs": "check",
        "masked": "single",
        "training": "single",
        "truth": "single",
    }
    assert parse(GOOD).by_name["reads"].mates == "single"


def test_files_wait_for_their_run_only_if_the_analysis_has_a_gate():
    assert {name for name, analysis in packaged().by_name.items() if analysis.gate} == {"runs"}
    (analysis,) = parse(GOOD.replace("max_gb = 1", 'max_gb = 1\ngate = "run"\ngate_hours = 12')).by_name.values()
    assert (analysis.gate, analysis.gate_hours) == ("run", 12.0)
    assert from_json(analysis.as_json()) == analysis


def test_runs_keep_any_file_and_their_markers_and_md5_are_settings():
    assert packaged().by_name["runs"].keeps_any
    assert packaged().by_name["runs"].markers is None
    assert not any(analysis.keeps_any for name, analysis in packaged().by_name.items() if name not in ("runs", "truth"))
    text = '[analyses.runs]\nprefix = "r/"\nformats = ["any"]\nmax_gb = 100\ngate = "run"\nmates = "wait"\n'
    (runs,) = parse(text + 'markers = ["CopyComplete.txt", "final_summary*.txt"]\nmd5 = true\n').by_name.values()
    assert (runs.kind.name, runs.markers, runs.md5) == ("keep", ("CopyComplete.txt", "final_summary*.txt"), True)
    assert from_json(runs.as_json()) == runs


def test_a_plan_without_the_new_settings_has_no_key_that_earlier_versions_refuse():
    plan = json.loads(packaged().by_name["raw"].as_json())
    assert not {"markers", "md5", "max_expanded_gb"} & plan.keys()
    assert from_json(json.dumps(plan)) == packaged().by_name["raw"]


def test_a_training_has_no_gate():
    (fault,) = faults('[analyses.training]\nprefix = "t/"\nformats = ["training"]\nmax_gb = 1\ngate = "run"\n')
    assert (fault.line, fault.message) == (
        5,
        "analyses.training.gate is not for a training, which waits for its job.toml; leave gate out",
    )


def test_two_analyses_may_not_share_a_prefix():
    (fault,) = faults(GOOD + GOOD.replace("analyses.reads", "analyses.again"))
    assert fault.line == 14
    assert fault.message == (
        'analyses.again.prefix is "reads/", and so is analyses.reads.prefix; each needs its own prefix'
    )


def test_a_stored_plan_is_read_as_the_same_analysis():
    for analysis in packaged().by_name.values():
        if analysis.settings:
            assert from_json(analysis.as_json()) == analysis


def test_a_work_item_must_fit_in_a_request():
    (fault,) = faults(GOOD + "[analyses.reads.job]\nwindows_per_item = 90000\n")
    assert (fault.line, fault.message) == (
        14,
        "analyses.reads.job.windows_per_item is 90,000; such a work item or its predictions take 8,100,000 bytes, and "
        "may take at most half of job.max_payload_mb, 500,000",
    )


def test_settings_of_the_job_have_bounds():
    first, second = faults(GOOD + "[analyses.reads.job]\nmax_payload_mb = 101\nmax_members = 99\n")
    assert first.message.endswith("job.max_payload_mb is 101; it must be a whole number from 1 to 100")
    assert second.message.endswith("job.max_members is 99; it must be a whole number from 1 to 98")
    with pytest.raises(SettingsError, match="job.max_members is 0; it must be a whole number from 1 to 98"):
        JobSettings(max_members=0)


def of_task(task: str, **changes) -> str:
    """Return GOOD with another task."""
    text = GOOD.replace("threshold = 0.5\n", f'task = "{task}"\n').replace('label = "x"\n', "")
    for name, value in changes.items():
        text = re.sub(rf"^{name} = .*$", f"{name} = {value}", text, flags=re.MULTILINE)
    return text


def test_each_setting_for_another_task_is_named():
    wrong = faults(GOOD.replace('label = "x"', 'label = "x"\ntask = "masked"\nmax_reads = 5\ncollapse = true'))
    assert [(fault.line, fault.message) for fault in wrong] == [
        (10, 'analyses.reads.threshold is for task "promoter", not for task "masked"'),
        (12, 'analyses.reads.label is for task "promoter", not for task "masked"'),
        (14, 'analyses.reads.max_reads is for task "promoter" or "embed", not for task "masked"'),
        (15, 'analyses.reads.collapse is for task "promoter" or "embed", not for task "masked"'),
    ]


@pytest.mark.parametrize("task", ["masked", "embed"])
def test_other_tasks_have_no_threshold(task):
    analysis = parse(of_task(task, window=200, stride=200)).by_name["reads"]
    assert analysis.kind.task == task
    assert not {"threshold", "label", "prior"} & {field.name for field in fields(analysis.settings)}


def test_masks_are_filled_on_the_forward_strand():
    with pytest.raises(
        ConfigurationError,
        match='strands is "\\+-"; for task "masked" it must be "\\+"',
    ):
        parse(of_task("masked", strands='"+-"'))


def test_files_with_masks_are_read_in_one_lambda():
    (fault,) = faults(of_task("masked", max_gb=3))
    assert 'max_gb is 3; for task "masked" it must be at most 2' in fault.message
    (fault,) = faults(of_task("masked", max_gb='1\nmates = "wait"'))
    assert 'mates is "wait"; for task "masked" it must be "single"' in fault.message


def test_embeddings_of_a_request_must_fit_in_the_response():
    with pytest.raises(ConfigurationError, match="too many embeddings; use a longer stride"):
        parse(of_task("embed", stride=70, window=300) + "[analyses.reads.job]\nwindows_per_item = 1\n")


PROTEINS = """
[analyses.p]
prefix = "p/"
formats = ["fasta"]
alphabet = "protein"
max_gb = 1
task = "structure"
model = "m"
"""


def test_proteins_have_their_own_settings():
    analysis = parse(PROTEINS).by_name["p"]
    assert (analysis.alphabet, analysis.settings.window, analysis.settings.overlap) == ("protein", None, 128)
    assert from_json(analysis.as_json()) == analysis
    settings = {"SEQDROP_TASK": "structure", "SEQDROP_OVERLAP": "128"}
    assert analysis.kind.environment(analysis) == settings
    cut = parse(PROTEINS + "window = 500\noverlap = 0\n").by_name["p"]
    assert cut.kind.environment(cut) == settings | {"SEQDROP_OVERLAP": "0", "SEQDROP_WINDOW": "500"}


def test_a_stored_plan_without_an_alphabet_is_for_dna():
    analysis = parse(GOOD).by_name["reads"]
    old = json.loads(analysis.as_json())
    del old["alphabet"]
    assert from_json(json.dumps(old)) == analysis


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('"protein"', '"rna"'), 'alphabet is "rna"; it must be one of "dna", "protein"'),
        (('["fasta"]', '["fastq"]'), 'formats has "fastq"; task "structure" of alphabet "protein" takes "fasta"'),
        (
            ('"structure"', '"promoter"'),
            'task is "promoter"; it must be one of "structure", "embed", for alphabet "protein"',
        ),
        (
            ('model = "m"', 'model = "m"\nstride = 5'),
            'stride is for task "promoter" or "masked" or "embed", not for task "structure" of alph',
        ),
        (('model = "m"', 'model = "m"\nwindow = 0'), "window is 0; it must be a whole number from 1"),
        (('model = "m"', 'model = "m"\noverlap = -1'), "overlap is -1; it must be a whole number from 0"),
        (('model = "m"', 'model = "a/b"'), 'model is "a/b"; it must be 1 to 36 letters, digits and hyphens'),
    ],
)
def test_a_wrong_setting_for_proteins_is_named(change, message):
    (fault,) = faults(PROTEINS.replace(*change))
    assert message in fault.message


def test_settings_that_are_constructed_directly_are_checked_too():
    settings = packaged().by_name["contigs"].settings
    with pytest.raises(SettingsError, match="^threshold is 5; it must be a number from 0 to 1$"):
        replace(settings, threshold=5)
    with pytest.raises(SettingsError, match="^strid is not a known setting; did you mean stride.$"):
        KINDS["masked"].settings.read(
            {"model": "m", "k": 3, "window": 5, "strands": "+", "max_n_fraction": 0, "strid": 1}, ()
        )


def test_no_rule_is_applied_to_a_stored_plan():
    """A later version must carry out a plan that it would refuse as a new one."""
    stored = json.loads(parse(GOOD).by_name["reads"].as_json())
    stored["max_gb"], stored["mate_hours"], stored["use"]["stride"] = 1000.0, 1e6, 71
    stored["job"]["max_members"] = 150
    analysis = from_json(json.dumps(stored))
    assert (analysis.max_gb, analysis.settings.stride, analysis.job.max_members) == (1000.0, 71, 150)
    assert json.loads(analysis.as_json()) == stored


def test_a_stored_plan_of_a_later_version_is_not_misread():
    stored = json.loads(parse(GOOD).by_name["reads"].as_json())
    with pytest.raises(TypeError, match="Analysis has no colour"):
        from_json(json.dumps(stored | {"colour": "red"}))
    del stored["prefix"]
    with pytest.raises(TypeError, match="Analysis needs prefix"):
        from_json(json.dumps(stored))
