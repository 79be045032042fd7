"""Functions without the reads layer must not import what lies in it."""

import subprocess
import sys

import pytest

READS, TABLES = ("isal", "pysam", "cffi"), ("arro3", "pybigtools", "pyBigWig", "pyarrow")
BLOCKED = "import sys\nfor name in {}: sys.modules[name] = None\nimport seqdrop.stages.{}"


@pytest.mark.parametrize("stage", ["archive", "finish", "reconcile", "start_training", "start_transform"])
def test_a_stage_imports_nothing_of_a_layer_that_it_may_not_have(stage):
    """finish has the tables layer, and still starts without it: it loads those when there is something to write."""
    subprocess.run([sys.executable, "-c", BLOCKED.format(("numpy", *READS, *TABLES), stage)], check=True)


def test_validation_imports_without_pysam_and_tables():
    code = BLOCKED.format(("pysam", *TABLES), "validate")
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_page_is_made_without_the_reads_layer():
    code = "import sys\nfor name in ('numpy', 'isal', 'pysam', 'cffi'): sys.modules[name] = None\n"
    subprocess.run([sys.executable, "-c", code + "import seqdrop.results.reports"], check=True)


def test_a_processing_job_imports_nothing_that_its_image_lacks():
    """AWS's images have boto3; the reads layer comes with the code, and the base layer does not."""
    lacking = ("aws_lambda_powertools", "aws_xray_sdk", "packaging", "rich", "local")
    code = f"import sys\nfor name in {lacking}: sys.modules[name] = None\nimport seqdrop.work.container"
    subprocess.run([sys.executable, "-c", code], check=True)
