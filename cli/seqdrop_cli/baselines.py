"""Monitoring baselines made of files on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from seqdrop.config.analysis import READ_FORMATS
from seqdrop.kinds.plans import packaged
from seqdrop.monitoring.baseline import OWN, Baseline
from seqdrop.monitoring.predictions import PredictionProfiler
from seqdrop.monitoring.sequences import SequenceProfiler
from seqdrop.reads.check import Reading
from seqdrop.runtime.services import now

from seqdrop_cli.console import say
from seqdrop_cli.errors import CommandError
from seqdrop_cli.inputs import find_inputs

if TYPE_CHECKING:
    from seqdrop.config.analyses import Analysis
    from seqdrop.monitoring.profile import Profile


def find_analysis(name: str) -> Analysis:
    """Return an analysis with a model. Raise CommandError, which names those that there are."""
    named = {each.name: each for each in packaged().by_name.values() if each.settings}
    if name not in named:
        raise CommandError(f"no analysis with a model has the name {name}; there are {', '.join(sorted(named))}")
    return named[name]


def make_baseline(analysis: Analysis, files: list[str], results: list[Path]) -> Baseline:
    """Return the baseline of sequence files, of results, or of both.

    Raise InvalidFileError if a file is invalid, and CommandError if a file has nothing to count.
    """
    inputs = _count_files(analysis, files) if files else None
    predictions = _count_results(results) if results else None
    return Baseline(OWN, analysis.alphabet, now(), inputs=inputs, predictions=predictions)


def _count_files(analysis: Analysis, words: list[str]) -> Profile:
    profiler = SequenceProfiler(analysis.alphabet)
    for name in find_inputs(words).names:
        with Path(name).open("rb", buffering=0) as file:
            reading = Reading(file, READ_FORMATS, name=name, alphabet=analysis.alphabet)
            profiler.add_all(record.sequence.decode() for record in reading.records())
        say(f"{name}: {reading.number:,} records")
    return profiler.finish()


def _count_results(paths: list[Path]) -> Profile:
    profiler = PredictionProfiler()
    for path in paths:
        with path.open() as file:
            try:
                for line in file:
                    profiler.add(json.loads(line))
            except (ValueError, TypeError) as error:
                raise CommandError(f"{path} is no JSON Lines file of results") from error
    profile = profiler.finish()
    if not profile.observations:
        raise CommandError(f"{', '.join(map(str, paths))}: there is no prediction that monitoring can compare")
    return profile
