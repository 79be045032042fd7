"""What `seqdrop predict` was asked for, as an analysis: one of analyses.toml, or one made of the options."""

from __future__ import annotations

from dataclasses import replace

from seqdrop.config.analyses import MOST_GB, Analysis, packaged
from seqdrop.config.kind_settings import DNA, PROTEIN, JobSettings, ModelUse, ProteinUse
from seqdrop.errors import ConfigurationError
from seqdrop.models.archives import POSITIVE

from seqdrop_cli.checkpoint import Checkpoint
from seqdrop_cli.predict import Masks, read_masks
from seqdrop_cli.protein_checkpoint import ProteinCheckpoint, check_task
from seqdrop_cli.vocabulary import UnfitModel

FORMATS = ("fastq", "fasta", "bam")
THRESHOLD, MAX_N_FRACTION = 0.9, 0.1
MOST_RESIDUES = 10_000_000_000  # of a file: no Lambda brings them home, only the disk is the limit
LOCAL_MODEL = "local"  # in place of a name in analyses.toml
OVERRIDES = ("window", "stride", "strands", "threshold", "max_n_fraction")
OF_DNA = OVERRIDES[1:]


def analysis_of(options, checkpoint: Checkpoint) -> Analysis:
    """The analysis for a model. Raises ConfigurationError, and UnfitModel if the two do not fit together."""
    found = _named(options) if options.analysis else _made(options, checkpoint)
    if found.alphabet != DNA:
        raise UnfitModel(f"the analysis {found.name} is of proteins, and this is a model of DNA")
    use = found.use
    if use.k != checkpoint.vocabulary.k:
        raise UnfitModel(f"the analysis is for {use.k}-mers, the model for {checkpoint.vocabulary.k}-mers")
    if use.window > checkpoint.longest:
        raise UnfitModel(f"the model takes windows of up to {checkpoint.longest} bases, not of {use.window}")
    if use.task == "promoter" and options.analysis:
        _check_label(use.label, checkpoint)
    return found


def protein_analysis(options, checkpoint: ProteinCheckpoint) -> Analysis:
    """The analysis for a protein model. Raises ConfigurationError, and UnfitModel if the two do not fit together."""
    if given := [name for name in OF_DNA if getattr(options, name) is not None]:
        raise ConfigurationError(f"--{given[0].replace('_', '-')} is for models of DNA; this one is of proteins")
    found = _named(options) if options.analysis else _made_for_proteins(options)
    if found.alphabet != PROTEIN:
        raise UnfitModel(f"the model is of proteins, the analysis {found.name} of DNA")
    if found.use.window and found.use.window > checkpoint.window:
        raise UnfitModel(f"the model takes up to {checkpoint.window} residues at once, not {found.use.window}")
    return found


def _made_for_proteins(options) -> Analysis:
    use = ProteinUse(LOCAL_MODEL, check_task(options.task), options.window)
    job = JobSettings(max_windows=MOST_RESIDUES)
    return Analysis("local", "local/", ("fasta",), MOST_GB, use, job, alphabet=PROTEIN)


def task_of(options) -> str | None:
    """What the model is asked: as a named analysis has it, else as --task says; None where neither does."""
    return _named(options).use.task if options.analysis else options.task


def masks_of(options, analysis: Analysis) -> Masks | None:
    """The BED of --masks. Raises ConfigurationError where nothing is masked, InvalidFile for a BED that is none."""
    if options.masks is None:
        return None
    if not analysis.fills:
        raise ConfigurationError("--masks says what to fill: it is for --task masked, or an analysis of that task")
    return read_masks(options.masks)


def _named(options) -> Analysis:
    with_model = {name: one for name, one in packaged().by_name.items() if one.use}
    if options.analysis not in with_model:
        raise ConfigurationError(f"--analysis must be one with a model: {', '.join(sorted(with_model))}")
    found = with_model[options.analysis]
    changes = {name: getattr(options, name) for name in OVERRIDES if getattr(options, name) is not None}
    return replace(found, use=replace(found.use, **changes))


def _made(options, checkpoint: Checkpoint) -> Analysis:
    if options.window is None:
        raise ConfigurationError("say how windows are cut: --analysis NAME (see analyses.toml), or --window BASES")
    use = ModelUse(
        model=LOCAL_MODEL,
        k=checkpoint.vocabulary.k,
        window=options.window,
        stride=options.stride or options.window,
        strands=options.strands or "+",
        max_n_fraction=MAX_N_FRACTION if options.max_n_fraction is None else options.max_n_fraction,
        task=options.task or "promoter",
        **(_of_calls(options, checkpoint) if options.task in (None, "promoter") else {}),
    )
    return Analysis("local", "local/", FORMATS, MOST_GB, use, JobSettings())


def _of_calls(options, checkpoint: Checkpoint) -> dict:
    label = checkpoint.labels[POSITIVE] if checkpoint.labels else f"LABEL_{POSITIVE}"
    return {"threshold": THRESHOLD if options.threshold is None else options.threshold, "label": label}


def with_tracks(analysis: Analysis, format: str) -> Analysis:
    """An analysis made of options writes calls.bed for records with coordinates, which are those of a FASTA file."""
    if analysis.alphabet == PROTEIN:
        return analysis
    made = analysis.use.model == LOCAL_MODEL and analysis.use.task == "promoter"
    tracks = format == "fasta" if made else analysis.use.tracks
    return replace(analysis, use=replace(analysis.use, tracks=tracks))


def _check_label(label: str, checkpoint: Checkpoint) -> None:
    if not checkpoint.labels:
        raise UnfitModel(
            f"the model does not name its classes, so no window may be called {label!r}: package it with `seqdrop "
            "package-model DIR --labels NEGATIVE POSITIVE -o model.tar.gz`, or give --window in place of --analysis"
        )
    if checkpoint.labels[POSITIVE] != label:
        raise UnfitModel(
            f"the model's positive class is {checkpoint.labels[POSITIVE]!r}, but the analysis calls it {label!r}"
        )
