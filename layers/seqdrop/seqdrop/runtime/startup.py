"""The start of a Lambda process: its first import, and the end of its preparations.

While Python imports 500 modules and botocore parses its service descriptions, hardly anything becomes garbage, and the
search for it takes a fifth of a cold start. So the collector is off until the services of the process are ready. This
is the one module that acts and reads the environment at import, because it must precede the other imports.
"""

from __future__ import annotations

import gc
import os

IN_LAMBDA = "AWS_LAMBDA_RUNTIME_API" in os.environ  # other processes import handlers as well: tests

if IN_LAMBDA:
    gc.disable()


def end_startup() -> None:
    """Let garbage be collected from now on. The objects of the start, which all remain, are left out."""
    if IN_LAMBDA:
        gc.freeze()
        gc.enable()
