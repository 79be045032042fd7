"""What the page of a run costs: CPU time, memory and size for 384 samples, with MultiQC's time for the same samples.

    .venv/bin/python -m benchmarks.run_page [--samples 384] [--multiqc PATH]

Ours is the render of run.json to pages, and before it the verdicts of all samples from the records of their files:
there is no read from S3 for a sample, and for a run with a model one for each file, its summary. MultiQC (pip install
multiqc==1.35, in an environment of its own) reads the files that Seqdrop writes for it in reports/, and makes its
report. Each is measured in a process of its own: CPU time of user and system, and peak memory; best of three,
MultiQC once.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 3


def measure_page(samples: int) -> dict[str, float]:
    """Return the figures of one render in this process, beyond those of the import of its modules."""
    from seqdrop.report.run_page import render_run

    from tests.support.run_documents import make_run

    document = json.dumps(make_run(samples))
    began = time.process_time()
    pages = render_run(json.loads(document))
    return {
        "seconds": time.process_time() - began,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
        "size": sum(len(page.encode()) for page in pages) / 1e6,
        "pages": len(pages),
    }


def measure_judging(samples: int) -> float:
    """Return the CPU seconds of the verdicts of all samples: figures of two files each, unpacked, added and judged."""
    from seqdrop.runs.figures import sum_figures, unpack_figures
    from seqdrop.runs.verdicts import judge_sample

    from tests.support.run_documents import SETTINGS

    text = '{"reads":5000000,"bases":750000000,"q30":0.91,"n":0.0004,"gc":0.41,"duplicates":0.12}'
    began = time.process_time()
    for _ in range(samples):
        figures = [unpack_figures(text) for _ in range(2)]
        total = sum_figures({"R1": figures[:1], "R2": figures[1:]})
        judge_sample("complete", (), {}, total, SETTINGS.limits)
    return time.process_time() - began


def run_self(samples: int, what: str) -> dict[str, float]:
    """Return what a fresh process measures."""
    command = [sys.executable, "-m", "benchmarks.run_page", "--samples", str(samples), "--only", what]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def write_multiqc_files(folder: Path, samples: int) -> None:
    """Write the files for MultiQC of two mates of each sample, as `reports/<upload id>/` has them."""
    import io

    from seqdrop.reads.check import Reading
    from seqdrop.reads.multiqc import make_custom_content

    record = "".join(f"@r{number}\n{'ACGTN' * 30}\n+\n{'IIFF#' * 30}\n" for number in range(100))
    reading = Reading(io.BytesIO(record.encode()), ["fastq"], name="S.fastq")
    reading.run()
    report = reading.report()
    for number in range(samples):
        for mate in (1, 2):
            place = folder / f"{number:05d}{mate}"
            place.mkdir()
            for name, content in make_custom_content({f"S{number}_R{mate}": report}).items():
                (place / name).write_text(json.dumps(content))


def measure_multiqc(program: str, samples: int) -> dict[str, float]:
    """Return CPU seconds, peak memory and size of MultiQC's report of the same samples."""
    with tempfile.TemporaryDirectory() as scratch:
        inputs, out = Path(scratch) / "in", Path(scratch) / "out"
        inputs.mkdir()
        write_multiqc_files(inputs, samples)
        process = subprocess.Popen([program, "--quiet", "--outdir", str(out), str(inputs)])
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit("MultiQC failed")
        size = (out / "multiqc_report.html").stat().st_size / 1e6
        return {"seconds": usage.ru_utime + usage.ru_stime, "megabytes": usage.ru_maxrss / 1000, "size": size}


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=384)
    parser.add_argument("--multiqc", default="", help="path of the program; without it, only ours is measured")
    parser.add_argument("--only", choices=("page", "judging"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        is_page = arguments.only == "page"
        print(
            json.dumps(measure_page(arguments.samples) if is_page else {"seconds": measure_judging(arguments.samples)})
        )
        return
    pages = [run_self(arguments.samples, "page") for _ in range(ROUNDS)]
    judging = min(run_self(arguments.samples, "judging")["seconds"] for _ in range(ROUNDS))
    best = min(pages, key=lambda each: each["seconds"])
    print(f"{arguments.samples} samples of two files each")
    print(f"verdicts    {judging:6.2f} s CPU")
    print(f"page        {best['seconds']:6.2f} s CPU  {best['megabytes']:4.0f} MB  {best['size']:.2f} MB of HTML")
    if arguments.multiqc:
        other = measure_multiqc(arguments.multiqc, arguments.samples)
        print(
            f"MultiQC     {other['seconds']:6.2f} s CPU  {other['megabytes']:4.0f} MB  {other['size']:.2f} MB of HTML"
        )


if __name__ == "__main__":
    main()
