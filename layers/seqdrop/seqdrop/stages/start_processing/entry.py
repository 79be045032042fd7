"""The entry point of a processing job: put the packages beside it on the module path, and run the examination.

It starts before the packages are unpacked, so it imports only the standard library. The unpacked packages come first on
the path, because the image contains another numpy.
"""

import sys
import tempfile
import zipfile
from pathlib import Path


def main() -> None:
    """Unpack packages.zip and examine the upload of this job."""
    inputs = Path(__file__).resolve().parent.parent  # /opt/ml/processing/input
    with tempfile.TemporaryDirectory() as packages:
        with zipfile.ZipFile(Path(__file__).with_name("packages.zip")) as archive:
            archive.extractall(packages)
        sys.path.insert(0, packages)
        from seqdrop.stages.start_processing.container import run

        run(inputs)


if __name__ == "__main__":
    main()
