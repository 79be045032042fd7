"""The analysis of `seqdrop predict`: one of analyses.toml with changes, or one made from the options alone."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

from seqdrop.config.analyses import MOST_GB, Analysis
from seqdrop.config.job_settings import JobSettings
from seqdrop.config.kind import DNA, PROTEIN, Kind, LocalModel, LocalOptions
from seqdrop.errors import ConfigurationError
from seqdrop.kinds.plans import packaged
from seqdrop.kinds.proteins import ProteinSettings
from seqdrop.kinds.windows import WindowSettings
from seqdrop.models.archives import POSITIVE
from seqdrop.sagemaker.endpoint_names import endpoint_name

from seqdrop_cli.deploy.checkpoint import Checkpoint, find_dna_kind
from seqdrop_cli.deploy.protein_checkpoint import ProteinCheckpoint, find_protein_kind
from seqdrop_cli.deploy.vocabulary import UnsuitableModelError
from seqdrop_cli.prediction import LOCAL, Masks, read_masks

if TYPE_CHECKING:
    from seqdrop_cli.commands.predict import Options

MAX_PREDICTIONS = 10_000_000_000  # for a file: no Lambda imports them, so only the disk is a limit
FIXED = ("task", "window", "stride", "strands", "max_n_fraction", "code")
"""Options that an endpoint does not take; --threshold is applied to its predictions here."""
OVERRIDES = ("window", "stride", "strands", "threshold", "max_n_fraction")


def dna_analysis(options: Options, checkpoint: Checkpoint) -> Analysis:
    """Return the analysis for a DNA model.

    Raise ConfigurationError, or UnsuitableModelError if analysis and model do not fit together.
    """
    if options.analysis:
        analysis = _named_analysis(options.analysis, options)
    else:
        analysis = _local_analysis(options, find_dna_kind(options.task), checkpoint, JobSettings())
    if analysis.kind.alphabet != DNA:
        raise UnsuitableModelError(
            f"the analysis {analysis.name} is for proteins, but this is a model of DNA; name another with --analysis"
        )
    settings = analysis.settings
    if not isinstance(settings, WindowSettings):
        raise ConfigurationError(f"the analysis {analysis.name} has no windows of DNA; name another with --analysis")
    if settings.k != checkpoint.vocabulary.k:
        raise UnsuitableModelError(
            f"the analysis is for {settings.k}-mers, the model for {checkpoint.vocabulary.k}-mers"
        )
    if settings.window > checkpoint.longest:
        raise UnsuitableModelError(
            f"the model takes windows of up to {checkpoint.longest} bases, not of {settings.window}; change --window"
        )
    if analysis.kind.names_classes and options.analysis:
        _check_label(str(getattr(settings, "label", "")), checkpoint)
    return analysis


def protein_analysis(options: Options, checkpoint: ProteinCheckpoint) -> Analysis:
    """Return the analysis for a protein model.

    Raise ConfigurationError, or UnsuitableModelError if analysis and model do not fit together.
    """
    kind, job = find_protein_kind(options.task), JobSettings(max_windows=MAX_PREDICTIONS)
    analysis = _local_analysis(options, kind, checkpoint, job)
    if options.analysis:
        analysis = _named_analysis(options.analysis, options)
    if analysis.kind.alphabet != PROTEIN:
        raise UnsuitableModelError(
            f"the analysis {analysis.name} is for DNA, but this is a model of proteins; name another with --analysis"
        )
    settings = analysis.settings
    if isinstance(settings, ProteinSettings) and settings.window and settings.window > checkpoint.window:
        raise UnsuitableModelError(
            f"the model takes windows of up to {checkpoint.window} residues, not of {settings.window}; change --window"
        )
    return analysis


def _local_analysis(
    options: Options, kind: Kind, checkpoint: Checkpoint | ProteinCheckpoint, job: JobSettings
) -> Analysis:
    changes = LocalOptions(**{name: getattr(options, name) for name in OVERRIDES})
    model = LocalModel()
    if isinstance(checkpoint, Checkpoint):
        model = LocalModel(checkpoint.vocabulary.k, checkpoint.labels)
    return Analysis(
        name=LOCAL,
        prefix=f"{LOCAL}/",
        formats=kind.formats,
        max_gb=MOST_GB,
        kind=kind,
        settings=kind.local_settings(changes, model),
        job=job,
        alphabet=kind.alphabet,
    )


def find_task(options: Options) -> str | None:
    """Return the task of the analysis that --analysis names, else that of --task; None without both options."""
    return _named_analysis(options.analysis, options).kind.task if options.analysis else options.task


def find_masks(options: Options, analysis: Analysis) -> Masks | None:
    """Return the BED of --masks; None without the option.

    Raise ConfigurationError if the analysis takes no masks, or InvalidFileError for an invalid BED.
    """
    if options.masks is None:
        return None
    if not analysis.kind.takes_masks:
        raise ConfigurationError(
            "--masks is for models that fill intervals: add --task masked, or an --analysis of that task"
        )
    return read_masks(options.masks)


def endpoint_analysis(options: Options, stack: str) -> tuple[str, Analysis]:
    """Return the name of the endpoint of --endpoint, an endpoint itself or an analysis, and its analysis.

    Raise ConfigurationError if the analysis is unknown, or if an option would change what the endpoint computes: its
    windows are settings of the deployed container.
    """
    wanted = str(options.endpoint)
    with_model = [analysis.name for analysis in packaged().by_name.values() if analysis.has_model]
    named = {endpoint_name(stack, name): name for name in with_model}
    name = endpoint_name(stack, wanted) if wanted in with_model else wanted
    analysis = options.analysis or named.get(name)
    if analysis is None:
        raise ConfigurationError(
            f"{wanted} is neither an analysis with a model ({', '.join(with_model)}) nor the name of its endpoint; "
            "name one of them, or add --analysis"
        )
    _refuse_changes(options)
    return name, _named_analysis(analysis, options)


def _refuse_changes(options: Options) -> None:
    for option in FIXED:
        if getattr(options, option) is not None:
            raise ConfigurationError(
                f"--{option.replace('_', '-')} is for --model: an endpoint has the settings with which it was "
                "deployed; change them in analyses.toml and deploy"
            )


def _named_analysis(name: str, options: Options) -> Analysis:
    with_model = {analysis.name: analysis for analysis in packaged().by_name.values() if analysis.has_model}
    if name not in with_model:
        raise ConfigurationError(f"--analysis must be an analysis with a model: {', '.join(sorted(with_model))}")
    analysis = with_model[name]
    if options.task not in (None, analysis.kind.task):
        raise ConfigurationError(
            f"--task {options.task} contradicts --analysis {name}, whose task is {analysis.kind.task}; leave out one"
        )
    settings = analysis.settings
    if not isinstance(settings, WindowSettings | ProteinSettings):
        raise ConfigurationError(f"the analysis {name} cannot be predicted without AWS")
    values = {override: getattr(options, override) for override in OVERRIDES}
    changes = {override: value for override, value in values.items() if value is not None}
    if foreign := changes.keys() - {setting.name for setting in fields(settings)}:
        option = f"--{min(foreign).replace('_', '-')}"
        raise ConfigurationError(f"{option} is not a setting of the analysis {analysis.name} ({analysis.kind.name})")
    return replace(analysis, settings=replace(settings, **changes))


def adapt_to_format(analysis: Analysis, format_name: str) -> Analysis:
    """Return the analysis with the settings for the format of the file; an analysis of analyses.toml is unchanged."""
    if analysis.name != LOCAL or analysis.settings is None:
        return analysis
    return replace(analysis, settings=analysis.kind.local_format(analysis.settings, format_name))


def _check_label(label: str, checkpoint: Checkpoint) -> None:
    if not checkpoint.labels:
        raise UnsuitableModelError(
            f"the model does not name its classes, but the analysis calls windows {label!r}: package it with `seqdrop "
            "package-model DIR --labels NEGATIVE POSITIVE -o model.tar.gz`, or use --window instead of --analysis"
        )
    if checkpoint.labels[POSITIVE] != label:
        raise UnsuitableModelError(
            f"the model's positive class is {checkpoint.labels[POSITIVE]!r}, but the analysis calls it {label!r}; name "
            "another analysis with --analysis, or use --window instead"
        )
