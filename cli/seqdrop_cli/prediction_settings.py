"""What `seqdrop predict` was asked for, as an analysis: one of analyses.toml, or one made of the options."""

from __future__ import annotations

from dataclasses import fields, replace

from seqdrop.config.analyses import MOST_GB, Analysis
from seqdrop.config.job_settings import JobSettings
from seqdrop.config.kind import DNA, PROTEIN, Kind, LocalModel, LocalOptions
from seqdrop.errors import ConfigurationError
from seqdrop.kinds.plans import packaged
from seqdrop.models.archives import POSITIVE

from seqdrop_cli.deploy.checkpoint import Checkpoint, kind_of_dna
from seqdrop_cli.deploy.protein_checkpoint import ProteinCheckpoint, kind_of_proteins
from seqdrop_cli.deploy.vocabulary import UnsuitableModelError
from seqdrop_cli.prediction import Masks, read_masks

MAX_PREDICTIONS = 10_000_000_000  # of a file: no Lambda imports them, only the disk is the limit
LOCAL = "local"  # in place of a name and prefix in analyses.toml
OVERRIDES = ("window", "stride", "strands", "threshold", "max_n_fraction")


def analysis_of(options, checkpoint: Checkpoint) -> Analysis:
    """The analysis for a model. Raises ConfigurationError, and UnsuitableModelError if the two do not fit together."""
    if options.analysis:
        analysis = _named(options)
    else:
        analysis = _made(options, kind_of_dna(options.task), checkpoint, JobSettings())
    if analysis.kind.alphabet != DNA:
        raise UnsuitableModelError(f"the analysis {analysis.name} is of proteins, and this is a model of DNA")
    settings = analysis.settings
    if settings.k != checkpoint.vocabulary.k:
        raise UnsuitableModelError(
            f"the analysis is for {settings.k}-mers, the model for {checkpoint.vocabulary.k}-mers"
        )
    if settings.window > checkpoint.longest:
        raise UnsuitableModelError(
            f"the model takes windows of up to {checkpoint.longest} bases, not of {settings.window}"
        )
    if analysis.kind.names_classes and options.analysis:
        _check_label(settings.label, checkpoint)
    return analysis


def protein_analysis(options, checkpoint: ProteinCheckpoint) -> Analysis:
    """The analysis for a protein model.

    Raises ConfigurationError, and UnsuitableModelError if the two do not fit together.
    """
    made = _made(options, kind_of_proteins(options.task), checkpoint, JobSettings(max_windows=MAX_PREDICTIONS))
    analysis = _named(options) if options.analysis else made
    if analysis.kind.alphabet != PROTEIN:
        raise UnsuitableModelError(f"the model is of proteins, the analysis {analysis.name} of DNA")
    if analysis.settings.window and analysis.settings.window > checkpoint.window:
        raise UnsuitableModelError(
            f"the model takes up to {checkpoint.window} residues at once, not {analysis.settings.window}"
        )
    return analysis


def _made(options, kind: Kind, checkpoint: Checkpoint | ProteinCheckpoint, job: JobSettings) -> Analysis:
    wanted = LocalOptions(**{name: getattr(options, name) for name in OVERRIDES})
    model = LocalModel()
    if isinstance(checkpoint, Checkpoint):
        model = LocalModel(checkpoint.vocabulary.k, checkpoint.labels)
    return Analysis(
        name=LOCAL,
        prefix=f"{LOCAL}/",
        formats=kind.formats,
        max_gb=MOST_GB,
        kind=kind,
        settings=kind.local_settings(wanted, model),
        job=job,
        alphabet=kind.alphabet,
    )


def task_of(options) -> str | None:
    """What the model is asked: as a named analysis has it, else as --task says; None where neither does."""
    return _named(options).kind.task if options.analysis else options.task


def masks_of(options, analysis: Analysis) -> Masks | None:
    """The BED of --masks.

    Raises ConfigurationError where nothing is masked, InvalidFileError for a BED that is none.
    """
    if options.masks is None:
        return None
    if not analysis.kind.takes_masks:
        raise ConfigurationError("--masks says what to fill: it is for --task masked, or an analysis of that task")
    return read_masks(options.masks)


def _named(options) -> Analysis:
    with_model = {name: one for name, one in packaged().by_name.items() if one.has_model}
    if options.analysis not in with_model:
        raise ConfigurationError(f"--analysis must be one with a model: {', '.join(sorted(with_model))}")
    analysis = with_model[options.analysis]
    changes = {name: getattr(options, name) for name in OVERRIDES if getattr(options, name) is not None}
    if foreign := changes.keys() - {one.name for one in fields(analysis.settings)}:
        option = f"--{min(foreign).replace('_', '-')}"
        raise ConfigurationError(f"{option} is no setting of the analysis {analysis.name} ({analysis.kind.name})")
    return replace(analysis, settings=replace(analysis.settings, **changes))


def for_format(analysis: Analysis, format: str) -> Analysis:
    """An analysis made of options, once the format of the file is known; one of analyses.toml stays as it is."""
    if analysis.name != LOCAL:
        return analysis
    return replace(analysis, settings=analysis.kind.local_format(analysis.settings, format))


def _check_label(label: str, checkpoint: Checkpoint) -> None:
    if not checkpoint.labels:
        raise UnsuitableModelError(
            f"the model does not name its classes, so no window may be called {label!r}: package it with `seqdrop "
            "package-model DIR --labels NEGATIVE POSITIVE -o model.tar.gz`, or give --window in place of --analysis"
        )
    if checkpoint.labels[POSITIVE] != label:
        raise UnsuitableModelError(
            f"the model's positive class is {checkpoint.labels[POSITIVE]!r}, but the analysis calls it {label!r}"
        )
