"""Functions without the reads layer must not import what lies in it."""

import subprocess
import sys

import pytest

READS, TABLES = ("isal", "pysam", "cffi"), ("arro3", "pybigtools", "pyBigWig", "pyarrow")
BLOCKED = "import sys\nfor name in {}: sys.modules[name] = None\nimport seqdrop.stages.{}"


@pytest.mark.parametrize("stage", ["archive", "finish", "reconcile", "start_transform"])
def test_a_stage_imports_nothing_of_a_layer_that_it_may_not_have(stage):
    """finish has the tables layer, and still starts without it: it loads those when there is something to write."""
    subprocess.run([sys.executable, "-c", BLOCKED.format(("numpy", *READS, *TABLES), stage)], check=True)


def test_validation_imports_without_pysam_and_tables():
    code = BLOCKED.format(("pysam", *TABLES), "validate")
    subprocess.run([sys.executable, "-c", code], check=True)
