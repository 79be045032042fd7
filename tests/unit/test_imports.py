"""Stages must not import packages of a layer that their function does not have."""

import json
import subprocess
import sys

import pytest

READS, TABLES = ("isal", "pysam", "cffi"), ("arro3", "pyarrow")
BLOCKED = "import sys\nfor name in {}: sys.modules[name] = None\nimport seqdrop.stages.{}"


def import_with_blocked(module: str, names: tuple[str, ...]) -> None:
    subprocess.run([sys.executable, "-c", BLOCKED.format(names, module)], check=True)


@pytest.mark.parametrize(
    "stage", ["archive", "finish", "reconcile", "start_processing", "start_training", "start_transform"]
)
def test_a_stage_imports_nothing_of_an_optional_layer(stage):
    """finish has the tables layer, but imports it only when there is something to write."""
    import_with_blocked(f"{stage}.{stage}", ("numpy", *READS, *TABLES))


def test_validation_imports_without_pysam_and_tables():
    import_with_blocked("validate.validate", ("pysam", *TABLES))


def test_importing_a_blocked_module_fails():
    with pytest.raises(subprocess.CalledProcessError):
        import_with_blocked("validate.validate", ("numpy",))


def test_a_page_is_written_without_the_reads_layer():
    code = "import sys\nfor name in ('numpy', 'isal', 'pysam', 'cffi'): sys.modules[name] = None\n"
    subprocess.run([sys.executable, "-c", code + "import seqdrop.results.reports"], check=True)


def test_a_processing_job_imports_nothing_that_its_image_lacks():
    """AWS's images have boto3. The reads layer is packed with the code, the base layer is not."""
    lacking = ("aws_lambda_powertools", "aws_xray_sdk", "packaging", "rich", "local")
    import_with_blocked("start_processing.container", lacking)


# What no function imports before it has something to do. asyncio and the data classes come with Powertools' batch
# processor; the results, the pages, trainings and the policies of sets are only for some messages.
NEVER = (
    *("numpy", "pyarrow", "arro3", "pysam", "isal", "cffi", "aws_xray_sdk", "pydantic", "asyncio", "rich", "local"),
    *("aws_lambda_powertools.utilities.batch", "aws_lambda_powertools.utilities.data_classes"),
)
KINDS, TRAINING = ("seqdrop.kinds",), ("seqdrop.training", "seqdrop.stages.assemble.policies")
RULES = ("seqdrop.runs.parts", "seqdrop.runs.recognition")
LIGHT = {
    "archive": (*NEVER, *KINDS, *TRAINING, *RULES),
    "forget": NEVER,
    "reconcile": (*NEVER, *KINDS, *TRAINING),
    "restore": NEVER,
    "start_transform": (*NEVER, *TRAINING, *RULES, "seqdrop.results.genome"),
}
IMPORTED = """
import json, sys
sys.path.insert(0, sys.argv[1])
import app
print(json.dumps([name for name in json.loads(sys.argv[2]) if name in sys.modules]))
"""


def list_imported(repository, function: str, names: tuple[str, ...]) -> list[str]:
    """Return which of the modules a process has after it has imported a handler."""
    arguments = [str(repository / "functions" / function), json.dumps(names)]
    command = [sys.executable, "-c", IMPORTED, *arguments]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.parametrize("function", LIGHT)
def test_a_handler_does_not_import_what_few_messages_need(repository, function):
    """Each of these costs every cold start CPU time: benchmarks/coldstart.py."""
    assert list_imported(repository, function, LIGHT[function]) == []


def test_an_imported_module_is_listed(repository):
    assert list_imported(repository, "archive", ("boto3", "seqdrop.stages.archive.archive")) == [
        "boto3",
        "seqdrop.stages.archive.archive",
    ]
