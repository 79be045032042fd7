"""The gate of `gate = "run"`: a valid file goes on when the run that it belongs to is complete.

It only reads. A file is moved to VALIDATED first, and then its runs are looked at; a marker opens its run first, and
then hands on the files that are there (stages/run.py). So of a file and a marker at one moment, one sees the other.
"""

from __future__ import annotations

from seqdrop.config.analyses import Analyses
from seqdrop.ledger.records import Attempt, Upload
from seqdrop.ledger.table import Ledger


def is_held(ledger: Ledger, analyses: Analyses, upload: Upload, attempts: list[Attempt]) -> bool:
    """Whether a VALIDATED upload waits for its run. One of which an attempt has left PLANNED went on before.

    Which of its folders is the run's is not known until a marker lies there, so an open one opens all below it.
    """
    if upload.state != "VALIDATED" or any(one.state != "PLANNED" or one.number > 1 for one in attempts):
        return False
    folders = analyses.gated_folders(upload.key)
    return bool(folders) and not any(ledger.run(f"{upload.bucket}/{folder}").opened_at for folder in folders)
