"""The monitoring baseline of a training's data: what its sequences are like, to compare later inputs with.

It is written when the data are prepared, and registered with the model (stages/finish). It holds counts only.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from seqdrop.aws import keys
from seqdrop.aws.errors import is_missing
from seqdrop.runtime.services import now
from seqdrop.training.jobfile import DNABERT

if TYPE_CHECKING:
    from seqdrop.monitoring.baseline import Baseline
    from seqdrop.runtime.services import Services
    from seqdrop.training.data.prepare import Prepared
    from seqdrop.training.jobfile import JobFile

MOST = 20_000  # records that are counted, evenly over the training split
CHUNK = 1 << 20


def write_training_baseline(services: Services, job: JobFile, data: str, prepared: Prepared) -> None:
    """Write the baseline beside prepared data, unless it is there. `data` is their prefix in the work bucket."""
    key, work = keys.training_baseline(data), services.settings.work
    try:
        services.s3.head_object(Bucket=work, Key=key)
    except ClientError as error:
        if not is_missing(error):
            raise
        baseline = _make_baseline(services, job, data, prepared.counts["train"]["records"])
        services.put_json(work, key, baseline.as_dict())


def _make_baseline(services: Services, job: JobFile, data: str, records: int) -> Baseline:
    # They need numpy, which the reconciler lacks; it imports this module through the policies.
    from seqdrop.monitoring.baseline import TRAINING, Baseline
    from seqdrop.monitoring.sequences import SequenceProfiler

    alphabet = "dna" if job.model == DNABERT else "protein"
    body = services.s3.get_object(Bucket=services.settings.work, Key=keys.split(data, "train"))["Body"]
    step = -(-records // MOST) or 1
    lines = (line for number, line in enumerate(body.iter_lines(chunk_size=CHUNK)) if number % step == 0)
    profile = SequenceProfiler(alphabet).add_all(json.loads(line)["sequence"] for line in lines if line).finish()
    return Baseline(TRAINING, alphabet, now(), inputs=profile)
