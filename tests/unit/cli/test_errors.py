"""An expected error is one line that says what to do, with exit status 2; a bug keeps its traceback."""

from __future__ import annotations

import os

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ProfileNotFound
from seqdrop_cli.errors import describe


@pytest.fixture(autouse=True)
def no_aws(monkeypatch, tmp_path) -> None:
    """Remove all AWS settings of this machine."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "SEQDROP_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.chdir(tmp_path)


def read_error(outcome) -> str:
    assert (outcome.status, outcome.out, outcome.err.count("\n")) == (2, "", 1), outcome
    assert outcome.err.startswith("seqdrop: ")
    return outcome.err.removeprefix("seqdrop: ").strip()


FILE_COMMANDS = [
    ("validate", "{path}"),
    ("plan", "{path}"),
    ("config", "check", "{path}"),
    ("drop", "{path}"),
    ("predict", "{path}", "--model", "{seed}", "--window", "70"),
]


@pytest.mark.parametrize("words", FILE_COMMANDS, ids=lambda words: words[0])
def test_a_missing_file_is_reported(seqdrop, words, seed):
    text = read_error(seqdrop(*(word.format(path="absent.fa", seed=seed) for word in words)))
    assert text == "absent.fa does not exist; check the path"


TAKE_FOLDERS = ("drop", "validate")


@pytest.mark.parametrize(
    "words", [words for words in FILE_COMMANDS if words[0] not in TAKE_FOLDERS], ids=lambda words: words[0]
)
def test_a_folder_instead_of_a_file_is_reported(seqdrop, words, seed, tmp_path):
    (tmp_path / "odd.toml").mkdir()
    text = read_error(seqdrop(*(word.format(path="odd.toml", seed=seed) for word in words)))
    assert text == "odd.toml is a folder; name a file in it"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_is_reported(seqdrop, tmp_path):
    (tmp_path / "secret.fa").write_text(">a\nACGT\n")
    (tmp_path / "secret.fa").chmod(0)
    assert read_error(seqdrop("validate", "secret.fa")).startswith("secret.fa may not be opened; `ls -ld` shows")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (PermissionError(13, "Permission denied", "a.fa"), "a.fa may not be opened; `ls -ld` shows who may read or"),
        (NotADirectoryError(20, "Not a directory", "a/b"), "a/b is not a folder, or lies below a file; check the path"),
        (FileExistsError(17, "File exists", "out"), "out exists already; name another path"),
        (OSError(28, "No space left on device", "x"), "the disk is full; free some space and repeat the command"),
        (FileNotFoundError("its own words"), "its own words"),
    ],
)
def test_errors_of_files_are_sentences(error, sentence):
    assert describe(error).startswith(sentence)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("plan", "job.toml", "--price", "x"), "argument --price: 'x' is not a price in dollars an hour, such as 7.09"),
        (("plan", "job.toml", "--residues", "0"), "argument --residues: '0' is not a whole number of 1 or more"),
        (("predict", "a.fa", "--model", "m", "--threshold", "high"), "argument --threshold: 'high' is not a number"),
        (("status", "--bogus"), "unrecognized arguments: --bogus; see `seqdrop status --help`"),
        (("models", "show", "m", "--bogus"), "unrecognized arguments: --bogus; see `seqdrop models show --help`"),
        (
            ("models", "push"),
            "the following arguments are required: MODEL, DIR|HUB_ID; see `seqdrop models push --help`",
        ),
        (("nonsense",), "argument COMMAND: invalid choice: 'nonsense'"),
        ((), "the following arguments are required: COMMAND; see `seqdrop --help`"),
    ],
)
def test_wrong_usage_is_one_line(seqdrop, words, sentence):
    assert read_error(seqdrop(*words)).startswith(sentence)


class TestAws:
    def test_no_region(self, seqdrop):
        text = read_error(seqdrop("status", "--stack", "lab"))
        assert "--region" in text
        assert "AWS_PROFILE" in text

    def test_no_credentials(self, seqdrop):
        assert "set AWS_PROFILE" in read_error(seqdrop("status", "--stack", "lab", "--region", "eu-west-1"))

    def test_an_unknown_profile(self, seqdrop, monkeypatch):
        monkeypatch.setenv("AWS_PROFILE", "absent")
        assert "aws configure list-profiles" in read_error(seqdrop("status", "--stack", "lab"))

    def test_an_unknown_object(self, seqdrop, cloud):
        text = read_error(seqdrop("validate", "s3://absent/x.fa"))
        assert text == "there is no object s3://absent/x.fa; `aws s3 ls s3://absent/` lists the bucket"
        assert (
            read_error(seqdrop("validate", "s3://absent"))
            == "s3://absent is not the address of an object; write s3://bucket/key"
        )

    @pytest.mark.parametrize(
        ("code", "words"),
        [
            ("ExpiredToken", "log in again"),
            ("InvalidClientTokenId", "set AWS_PROFILE"),
            ("AccessDenied", "ask for that permission"),
            ("SlowDown", "AWS refused DescribeStacks (SlowDown): its message"),
        ],
    )
    def test_errors_of_a_service(self, code, words):
        error = ClientError({"Error": {"Code": code, "Message": "its message"}}, "DescribeStacks")
        assert words in describe(error)

    @pytest.mark.parametrize(
        ("error", "words"),
        [
            (NoCredentialsError(), "no AWS credentials were found; set AWS_PROFILE"),
            (ProfileNotFound(profile="lab"), "lab"),
            (EndpointConnectionError(endpoint_url="https://s3.eu-west-9.amazonaws.com"), "the region (--region)"),
        ],
    )
    def test_errors_of_the_client(self, error, words):
        assert words in describe(error)


def test_ctrl_c_is_one_line(seqdrop, use_target):
    class Interrupted:
        def ledger(self):
            raise KeyboardInterrupt

    use_target(Interrupted())
    outcome = seqdrop("status")
    assert (outcome.status, outcome.err) == (130, "seqdrop: stopped\n")


def test_a_bug_keeps_its_traceback(seqdrop, monkeypatch):
    def find(_):
        raise AttributeError("a bug")

    monkeypatch.setattr("seqdrop_cli.target.find_target", find)
    with pytest.raises(AttributeError, match="a bug"):
        seqdrop("status")
