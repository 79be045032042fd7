"""The feature groups: every feature with its type, where its value is taken from, and what it means.

stacks/features.yaml declares the same features (a test compares them), and docs/features.md lists them (a test, too).
Features are only ever appended: a stored record has those of its time, and a group cannot lose or change one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Type = Literal["String", "Integral", "Fractional"]

IDENTIFIER, EVENT_TIME = "upload_id", "event_time"


@dataclass(frozen=True)
class Feature:
    """A feature.

    `source` is a path of member names in the documents about an upload: `upload` (its ledger record, and `sample`),
    `report` (reports/<id>.json) or `summary` (summary.json of the last attempt with predictions).
    """

    name: str
    type: Type
    source: str
    meaning: str


@dataclass(frozen=True)
class Group:
    """A feature group, whose records exist for uploads that have `document`.

    The name of the group in an account is that of the stack, a hyphen and `name`.
    """

    name: str
    title: str
    document: str
    features: tuple[Feature, ...]

    def full_name(self, stack: str) -> str:
        """Return the name of the group of a stack."""
        return f"{stack}-{self.name}"


def _text(name: str, source: str, meaning: str) -> Feature:
    return Feature(name, "String", source, meaning)


def _whole(name: str, source: str, meaning: str) -> Feature:
    return Feature(name, "Integral", source, meaning)


def _number(name: str, source: str, meaning: str) -> Feature:
    return Feature(name, "Fractional", source, meaning)


OF_UPLOAD = (
    _text(IDENTIFIER, "upload.id", "upload id, which identifies the record"),
    _text(EVENT_TIME, "", "when the upload was recorded, as 2026-03-01T12:00:00Z; a later version is a second later"),
    _text("sample", "upload.sample", "sample, by the name of the file"),
    _text("analysis", "upload.analysis", "analysis of analyses.toml"),
    _text("run", "upload.run", "folder of the run, if it is in one"),
    _text("landing_key", "upload.key", "key in the landing bucket"),
)
OF_MODEL = (
    _text("model", "summary.model.name", "name of the model"),
    _text("model_sha256", "summary.model.sha256", "SHA-256 of the model's archive"),
    _whole("attempt", "summary.attempt", "number of the attempt"),
    _text("job", "summary.job", "SageMaker job"),
    _text("seqdrop", "summary.seqdrop", "version of Seqdrop that wrote the results"),
)

READ_QC = Group(
    "read-qc",
    "Quality of reads and sequences",
    "report",
    (
        *OF_UPLOAD,
        _text("format", "report.format", "fastq, fasta or bam"),
        _whole("valid", "report.valid", "1 if the file is valid, 0 if it was rejected"),
        _whole("size", "report.size", "bytes of the file"),
        _text("sha256", "report.sha256", "SHA-256 of the file"),
        _whole("reads", "report.qc.records", "reads, or other records"),
        _whole("bases", "report.qc.bases", "bases"),
        _number("mean_length", "report.qc.mean_length", "mean length of a read"),
        _whole("shortest", "report.qc.shortest", "length of the shortest read"),
        _whole("longest", "report.qc.longest", "length of the longest read"),
        _whole("n50", "report.qc.n50", "N50 of lengths"),
        _number("gc_fraction", "report.qc.gc_fraction", "share of G and C among A, C, G and T"),
        _number("n_fraction", "report.qc.n_fraction", "share of N"),
        _number("mean_quality", "report.qc.mean_quality", "mean quality (Phred)"),
        _number("q20_fraction", "report.qc.q20_fraction", "share of bases of quality 20 or more"),
        _number("q30_fraction", "report.qc.q30_fraction", "share of bases of quality 30 or more"),
        _whole("duplicate_names", "report.counts.duplicate_name", "records whose name occurred before"),
        _text("platform", "report.qc.origin.platform", "platform that the headers name"),
        _text("instrument", "report.qc.origin.instrument", "instrument that the headers name"),
        _text("sequencer_run", "report.qc.origin.run", "run of the instrument that the headers name"),
        _text("flow_cell", "report.qc.origin.flow_cell", "flow cell that the headers name"),
        _text("lane", "report.qc.origin.lane", "lanes that the headers name"),
    ),
)

PROMOTER = Group(
    "promoter",
    "Promoters",
    "summary",
    (
        *OF_UPLOAD,
        *OF_MODEL,
        _whole("window", "summary.parameters.window", "length of a window in bases"),
        _whole("stride", "summary.parameters.stride", "bases from the start of a window to the next"),
        _number("threshold", "summary.parameters.threshold", "probability from which a window is called"),
        _number("prior", "summary.prior", "expected share of promoters, if the model has a calibration"),
        _whole("windows", "summary.counts.windows", "windows"),
        _whole("scored", "summary.counts.scored", "windows with a probability"),
        _whole("called_windows", "summary.calls.windows", "windows that are called"),
        _number("scored_kb", "summary.calls.scored_kb", "kilobases in scored windows, of each strand"),
        _number("called_windows_per_kb", "summary.calls.windows_per_kb", "called windows per kilobase"),
        _whole("calls", "summary.calls.kept", "calls, of overlapping called windows the likeliest (with tracks)"),
        _number("calls_per_kb", "summary.calls.kept_per_kb", "calls per kilobase (with tracks)"),
        _number(
            "false_calls_per_kb_intron",
            "summary.expected_false_calls.windows_per_kb.intron",
            "expected false calls per kilobase of intron, if measured for the model",
        ),
        _number(
            "false_calls_per_kb_cds",
            "summary.expected_false_calls.windows_per_kb.cds",
            "expected false calls per kilobase of coding sequence",
        ),
        _number("recall", "summary.expected_false_calls.recall", "share of promoters that the model calls"),
        _number("probability_mean", "summary.probability.mean", "mean probability of scored windows"),
        _number("probability_q05", "summary.probability.q05", "5 % of scored windows are at or below this"),
        _number("probability_q25", "summary.probability.q25", "the same for 25 %"),
        _number("probability_median", "summary.probability.median", "the same for 50 %"),
        _number("probability_q75", "summary.probability.q75", "the same for 75 %"),
        _number("probability_q95", "summary.probability.q95", "the same for 95 %"),
    ),
)

PROTEIN = Group(
    "protein",
    "Proteins",
    "summary",
    (
        *OF_UPLOAD,
        *OF_MODEL,
        _text("task", "summary.parameters.task", "structure, or embed"),
        _whole("proteins", "summary.counts.proteins", "proteins with a prediction"),
        _whole("residues", "summary.counts.residues", "residues of those"),
        _number("helix_fraction", "summary.structure.composition.H", "share of residues in state H (helix)"),
        _number("strand_fraction", "summary.structure.composition.E", "share of residues in state E (strand)"),
        _number("coil_fraction", "summary.structure.composition.C", "share of residues in state C (all else)"),
        _number("probability_mean", "summary.structure.mean_probability", "mean probability of the predicted state"),
    ),
)

GROUPS = (READ_QC, PROMOTER, PROTEIN)
