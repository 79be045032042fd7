"""Hyperparameters are read from text, and conflicting ones are refused with the reason."""

from __future__ import annotations

import arguments
import pytest

ENVIRONMENT = {"SM_CHANNEL_DATA": "/in/data", "SM_MODEL_DIR": "/model", "SM_OUTPUT_DATA_DIR": "/out"}
WEIGHTS = ENVIRONMENT | {"SM_CHANNEL_MODEL": "/in/model"}


def test_all_arguments_are_read_as_a_training_job_passes_them():
    hyperparameters = {
        "model": "prott5",
        "task": "ss8",
        "epochs": "10",
        "learning_rate": "5e-4",
        "tokens_per_batch": "6000",
        "accumulate": "2",
        "max_length": "512",
        "seed": "3",
        "patience": "0",
        "head": "cnn",
        "freeze_encoder": "false",
        "profile": "fsdp_offload",
        "activation_checkpointing": "True",
        "activation_offloading": "true",
        "lora_rank": "4",
        "precision": "bf16",
    }
    argv = [text for name, value in hyperparameters.items() for text in (f"--{name}", value)]
    parsed = arguments.parse("", argv, WEIGHTS | {"SEQDROP_CHECKPOINTS": "/there"})
    assert {name: str(value).lower() for name, value in parsed.hyperparameters().items()} == {
        **hyperparameters,
        "activation_checkpointing": "true",
        "learning_rate": "0.0005",
    }
    assert [str(path) for path in (parsed.data, parsed.start_from, parsed.checkpoints)] == [
        "/in/data",
        "/in/model",
        "/there",
    ]
    assert parsed.freeze_encoder is False
    assert str(arguments.parse("", [], ENVIRONMENT).checkpoints) == "/opt/ml/checkpoints"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ("--freeze_encoder maybe", "got maybe but expected one of yes/no, true/false"),
        ("--epochs ten", "invalid int value: 'ten'"),
        ("--epochs 0", "epochs is 0; it must be over 0"),
        ("--learning_rate nan", "learning_rate is nan"),
        ("--model esm", "invalid choice: 'esm'"),
        ("--lerning_rate 1", "unrecognized arguments: --lerning_rate 1"),
        ("--model prott5", "starts from pre-trained weights: the channel `model` is missing"),
        ("--freeze_encoder true", "cnn has no pre-trained encoder"),
        ("--profile lora", "cnn has no pre-trained encoder"),
        (
            "--model protbert --profile lora --freeze_encoder true --start-from /w",
            "cannot be combined with freeze_encoder",
        ),
        ("--activation_offloading true", "requires activation_checkpointing"),
        ("--precision fp16", "invalid choice: 'fp16'"),
    ],
)
def test_an_invalid_or_conflicting_argument_is_refused(argv, message):
    with pytest.raises(ValueError, match=message):
        arguments.parse("", argv.split(), ENVIRONMENT)


@pytest.mark.parametrize("text", ["true", "True", "TRUE"])
def test_a_boolean_is_read_in_any_case(text):
    assert arguments.parse("", ["--activation_checkpointing", text], ENVIRONMENT).activation_checkpointing is True
    opposite = {"true": "false", "True": "False", "TRUE": "FALSE"}[text]
    assert arguments.parse("", ["--activation_checkpointing", opposite], ENVIRONMENT).activation_checkpointing is False


@pytest.mark.parametrize("name", ["learning_rate", "learning-rate"])
def test_a_name_may_be_written_with_hyphens(name):
    assert arguments.parse("", [f"--{name}", "1e-3"], ENVIRONMENT).learning_rate == 1e-3


def test_a_name_is_never_guessed():
    with pytest.raises(ValueError, match="unrecognized arguments: --learning 1e-3"):
        arguments.parse("", ["--learning", "1e-3"], ENVIRONMENT)


def test_arguments_that_sagemakers_launchers_add_are_refused():
    """mp_parameters is for SageMaker's model-parallel library, which this script does not use; it must not be ignored.

    The SDK of some frameworks sets model_dir to a URI in S3; the model would be written to a folder named "s3:".
    """
    with pytest.raises(ValueError, match="unrecognized arguments: --mp_parameters partitions=2"):
        arguments.parse("", ["--mp_parameters", "partitions=2,microbatches=4"], ENVIRONMENT)
    with pytest.raises(ValueError, match="argument --model_dir: s3:/bucket/model is in S3"):
        arguments.parse("", ["--model_dir", "s3://bucket/model"], ENVIRONMENT)


def test_an_empty_variable_is_not_a_folder():
    parsed = arguments.parse("", [], ENVIRONMENT | {"SM_CHANNEL_MODEL": "", "SM_OUTPUT_DATA_DIR": ""})
    assert (parsed.start_from, str(parsed.output_dir)) == (None, "/model")


def test_defaults_are_those_of_the_fields():
    parsed = arguments.parse("", [], ENVIRONMENT)
    assert parsed.hyperparameters() == {
        "model": "cnn",
        "task": "ss3",
        "head": "linear",
        "freeze_encoder": False,
        "max_length": 1024,
        "epochs": 10,
        "patience": 3,
        "learning_rate": 5e-4,
        "tokens_per_batch": 6000,
        "accumulate": 1,
        "seed": 1,
        "profile": "single",
        "activation_checkpointing": False,
        "activation_offloading": False,
        "lora_rank": 8,
        "precision": "auto",
    }


def test_missing_folders_are_refused():
    with pytest.raises(ValueError, match="missing arguments: --data, --model-dir"):
        arguments.parse("", [], {})
