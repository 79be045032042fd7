"""Cost allocation tags of a job: its analysis, its run and its sample.

The names of runs and samples are those that a lab gave to folders and files, and may identify a patient. Tags are
visible in bills and to everybody who may describe a job, so they have digests: the upload id for a sample, and `run_id`
for a run.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from seqdrop.uploads import ID_LENGTH

if TYPE_CHECKING:
    from collections.abc import Collection

    from mypy_boto3_sagemaker.type_defs import TagTypeDef

PREFIX = "seqdrop:"
SEVERAL = "several"


def run_id(folder: str) -> str:
    """Return the first 26 characters of the base32 SHA-256 of a run's folder, a key that ends in a slash (A-Z, 2-7)."""
    return base64.b32encode(hashlib.sha256(folder.encode()).digest()).decode()[:ID_LENGTH]


def cost_tags(analysis: str, upload_id: str, runs: Collection[str], **more: str) -> list[TagTypeDef]:
    """Return the tags of a job.

    `upload_id` is that of its first upload, and `runs` are the folders of all of them, "" for none. If these differ,
    the run is "several".
    """
    folders = set(runs)
    run = SEVERAL if len(folders) > 1 else next((run_id(folder) for folder in folders if folder), "")
    tags = {"analysis": analysis, "upload": upload_id} | ({"run": run} if run else {}) | more
    return [{"Key": PREFIX + key, "Value": value} for key, value in tags.items()]
