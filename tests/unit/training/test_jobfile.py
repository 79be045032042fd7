"""job.toml: what it may contain, and the messages about everything else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.errors import InvalidFileError
from seqdrop.training.jobfile import JobFile, parse

DATA = '[data]\nformat = "flip"\nsequences = "s.fasta"\nlabels = "l.fasta"\n'
CNN = f'model = "cnn"\n{DATA}'


def messages_of(text: str) -> list[str]:
    """Return the messages of all faults."""
    with pytest.raises(InvalidFileError) as raised:
        parse(text.encode())
    assert raised.value.counts == {"bad_job": len(raised.value.errors)}
    return [fault.message for fault in raised.value.errors]


def test_the_shortest_file_has_the_defaults():
    job = parse(CNN.encode())
    assert (job.target, job.learning_rate, job.budget_usd, job.gate.min_q3) == ("ss3", 2e-3, 50.0, 0.0)
    assert (job.train.epochs, job.instance.spot, job.instance.max_hours, job.distribution) == (10, True, 12.0, {})
    assert job.data.files == ["s.fasta", "l.fasta"]


def test_every_table_is_read():
    text = """
model = "protbert"
task = "ss8"
weights = "prot_bert_bfd"
name = "mine"
budget_usd = 12
[data]
format = "csv"
train = "a.csv"
validation = "b.csv"
test = "deep/c.csv"
[train]
learning_rate = 1e-4
freeze_encoder = true
head = "cnn"
[distribution]
profile = "fsdp"
[instance]
type = "ml.g5.12xlarge"
spot = false
[gate]
min_q3 = 0.5
"""
    job = parse(text.encode())
    assert (job.target, job.learning_rate, job.train.head, job.train.freeze_encoder) == ("ss8", 1e-4, "cnn", True)
    assert (job.data.files, job.distribution) == (["a.csv", "b.csv", "deep/c.csv"], {"profile": "fsdp"})
    assert JobFile.from_dict(job.as_dict()) == job


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (DATA, 'model is missing; it must be one of "prott5", "protbert", "cnn", "dnabert"'),
        (f'model = "cnm"\n{DATA}', 'model is "cnm"; it must be one of "prott5", "protbert", "cnn", "dnabert"'),
        (f"buget_usd = 3\n{CNN}", "buget_usd is not a known setting; did you mean budget_usd?"),
        (f"budget_usd = -1\n{CNN}", "budget_usd is -1; it must be a number from 0 to 1,000,000"),
        (f"{CNN}[train]\nepochs = 0", "train.epochs is 0; it must be a whole number from 1 to 1,000"),
        (f"{CNN}[train]\nepochs = true", "train.epochs is true; it must be a whole number from 1 to 1,000"),
        (f"{CNN}[trainig]", "trainig is not a known table; did you mean train?"),
        (CNN.replace("[data]", "[daat]"), "daat is not a known table; did you mean data?"),
        (f"{CNN}[train]\nhaed = 1", "train.haed is not a known setting; did you mean head?"),
        (f'{CNN}[train]\nhead = "mlp"', 'train.head is "mlp"; it must be one of "linear", "cnn"'),
        (f'{CNN}[gate]\nmin_q3 = "high"', 'gate.min_q3 is "high"; it must be a number from 0 to 1'),
        (f'{CNN}[instance]\ntype = "g5"', 'instance.type is "g5"; it must be an instance type such as "ml.g5.xlarge"'),
        (f"{CNN}[instance]\nspot = 1", "instance.spot is 1; it must be true or false"),
        (f"instance = 1\n{CNN}", "instance is 1; it must be a table: write [instance]"),
        (f"distribution = 1\n{CNN}", "distribution is 1; it must be a table: write [distribution]"),
        (f'{CNN}[distribution]\nprofil = "ddp"', "distribution.profil is not a known setting; did you mean profile?"),
        (f"{CNN}[distribution]\nhosts = 2", "distribution.profile single is one process on one host, but hosts is 2"),
        (f'model = "prott5"\n{DATA}', 'weights is missing: model "prott5" starts from a pre-trained model; write'),
        (f'weights = "x"\n{CNN}', 'weights is not for model "cnn", which has no pre-trained weights'),
        (f'task = "promoter"\n{CNN}', 'task is "promoter"; for model "cnn" it must be one of "ss3", "ss8"'),
        (f'model = "dnabert"\n{DATA}', 'data.format is "flip"; for model "dnabert" it must be one of "csv", "parquet"'),
        ('model = "cnn"', 'data.format is missing; it must be one of "flip", "three_line", "csv", "parquet"'),
        ('model = "cnn"\n[data]\nformat = "flip"', 'data.labels is missing: format "flip" needs sequences and labels'),
        (
            'model = "cnn"\n[data]\nformat = "csv"\nfile = "a"\ntest = "b"',
            'data.test is not allowed here: format "csv" needs either file, or train, validation and test',
        ),
        (
            'model = "cnn"\n[data]\nformat = "csv"\ntrain = "a"\nvalidation = "a"\ntest = "b"',
            'data.validation is "a", and so is data.train; each needs its own file',
        ),
        ("model = ", "this is not valid TOML: Invalid value"),
    ],
)
def test_a_wrong_setting_is_named(text, message):
    assert any(line.startswith(message) for line in messages_of(text)), messages_of(text)


@pytest.mark.parametrize("name", ["/etc/passwd", "../a", "a/../b", "job.toml", "a/..", "./a", "x" * 201])
def test_a_data_file_is_in_the_folder_of_the_job(name):
    assert any("data.file" in line for line in messages_of(f'model = "cnn"\n[data]\nformat = "csv"\nfile = "{name}"'))


def test_each_fault_has_the_line_of_its_key():
    text = """\
# a comment
model = "cnn"
weights = "x"
[data]
format = "csv"
file = "job.toml"
[train]
epochs = 0
[distribution]
profile = "zero3"
hosts = 2
"""
    with pytest.raises(InvalidFileError) as raised:
        parse(text.encode())
    assert [(fault.line, fault.message.split(" ")[0]) for fault in raised.value.errors] == [
        (3, "weights"),
        (6, "data.file"),
        (8, "train.epochs"),
        (10, "distribution.profile"),
    ]
    assert (
        raised.value.fault.message
        == 'weights is not for model "cnn", which has no pre-trained weights; leave it out (line 3)'
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"model = 'cnn'\n\n[data]\nformat = 'fl\xff'", "byte 34 of the file is not UTF-8, the encoding of TOML"),
        (b"model = 'cnn'\n\n\nx = " + b"[" * 50_000, "the TOML cannot be read: it is nested too deeply"),
        (b"model = 'cnn'\n\n\nseed = " + b"1" * 5000, "this is not valid TOML: Exceeds the limit (4300 digits)"),
        (b"model = 'cnn'\n\n\nmodel = 'cnn'", "this is not valid TOML: Cannot overwrite a value"),
    ],
)
def test_a_file_that_is_not_toml_is_refused(body, message):
    with pytest.raises(InvalidFileError) as raised:
        parse(body)
    assert raised.value.fault.message.startswith(message)
    assert raised.value.fault.line in (1, 4)


def test_a_byte_order_mark_is_ignored():
    assert parse(b"\xef\xbb\xbf" + CNN.encode()) == parse(CNN.encode())


def test_no_rule_is_applied_to_a_stored_job():
    stored = parse(CNN.encode()).as_dict()
    stored["train"]["epochs"], stored["instance"]["type"] = 5000, "g5"
    assert JobFile.from_dict(stored).as_dict() == stored


def test_tables_of_the_sdk_are_left_to_the_distribution():
    table = "[distribution]\nhosts = 2\n[distribution.smdistributed.modelparallel]\nenabled = true\n"
    assert parse(f"{CNN}{table}".encode()).distribution["hosts"] == 2
    both = table.replace("hosts = 2", "profile = 'ddp'")
    assert "has a profile and a table of the SageMaker SDK" in messages_of(f"{CNN}{both}")[0]


def test_all_faults_are_reported_at_once():
    assert (
        len(
            messages_of(
                'model = "x"\nfoo = 1\n[train]\nepochs = 0\nseed = -1\n[gate]\nbar = 2\n[data]\nformat = "flip"'
            )
        )
        == 7
    )


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused_with_a_message(body):
    """Two hundred random bytes are no job.toml."""
    with pytest.raises(InvalidFileError, match="bad_job"):
        parse(body)
