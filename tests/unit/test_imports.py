"""Stages must not import packages of a layer that their function does not have."""

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
