"""Functions without the reads layer must not import what lies in it."""

import subprocess
import sys

import pytest

BLOCKED = (
    "import sys\nfor name in ('numpy', 'isal', 'pysam', 'cffi'): sys.modules[name] = None\nimport seqdrop.stages.{}"
)


@pytest.mark.parametrize("stage", ["archive", "finish", "reconcile", "start_transform"])
def test_a_stage_imports_nothing_of_the_reads_layer(stage):
    subprocess.run([sys.executable, "-c", BLOCKED.format(stage)], check=True)


def test_validation_imports_without_pysam():
    code = "import sys\nsys.modules['pysam'] = None\nimport seqdrop.stages.validate"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_page_is_made_without_the_reads_layer():
    code = "import sys\nfor name in ('numpy', 'isal', 'pysam', 'cffi'): sys.modules[name] = None\n"
    subprocess.run([sys.executable, "-c", code + "import seqdrop.results.reports"], check=True)


def test_a_processing_job_imports_nothing_that_its_image_lacks():
    """AWS's images have boto3; the reads layer comes with the code, and the base layer does not."""
    lacking = ("aws_lambda_powertools", "aws_xray_sdk", "packaging", "rich", "local")
    code = f"import sys\nfor name in {lacking}: sys.modules[name] = None\nimport seqdrop.jobs.container"
    subprocess.run([sys.executable, "-c", code], check=True)
