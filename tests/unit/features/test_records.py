"""The values of records are those of the stored documents, as texts that Feature Store takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.catalogue.facts import UploadFacts
from seqdrop.features.definitions import GROUPS, PROMOTER, PROTEIN, READ_QC
from seqdrop.features.records import first_event_time, make_records, next_event_time, same_values, sample_of
from seqdrop.ledger.records import Attempt, Upload

from tests.unit.features.documents import FASTQ_REPORT, PROMOTER_SUMMARY, STRUCTURE_SUMMARY

UPLOAD = Upload(
    "VALIDATED",
    id="U" * 26,
    key="runs/run7/S1_S1_L001_R1_001.fastq.gz",
    analysis="runs",
    run="runs/run7/",
    created_at="2026-03-01T12:00:00.987Z",
)


def records(**facts) -> dict:
    return dict(make_records(UploadFacts(UPLOAD, **facts)))


def attempt(number: int) -> Attempt:
    return Attempt("PREDICTED", upload_id=UPLOAD.id, analysis="runs", number=number)


def test_read_qc_has_the_figures_of_the_report():
    values = records(report=FASTQ_REPORT)[READ_QC]
    assert values["upload_id"] == UPLOAD.id
    assert (values["sample"], values["run"], values["analysis"]) == ("S1", "run7", "runs")
    assert (values["reads"], values["bases"], values["n50"]) == ("4", "600", "150")
    assert (values["gc_fraction"], values["q30_fraction"]) == ("0.41", "0.875")
    assert (values["valid"], values["instrument"], values["lane"]) == ("1", "M00001", "1,2")


def test_what_was_not_measured_is_absent():
    fasta = FASTQ_REPORT | {"qc": FASTQ_REPORT["qc"] | {"q30_fraction": None, "mean_quality": None}}
    values = records(report=fasta)[READ_QC]
    assert not {"q30_fraction", "mean_quality"} & values.keys()


def test_proteins_have_no_record_of_reads():
    report = FASTQ_REPORT | {"qc": FASTQ_REPORT["qc"] | {"alphabet": "protein"}}
    assert records(report=report) == {}


def test_promoter_features_are_those_of_the_last_attempt():
    first, second = attempt(1), attempt(2)
    old = PROMOTER_SUMMARY | {"attempt": 1, "calls": PROMOTER_SUMMARY["calls"] | {"windows": 9}}
    summaries = {first.key: old, second.key: PROMOTER_SUMMARY}
    values = records(attempts=[second, first], summaries=summaries)[PROMOTER]
    assert (values["attempt"], values["called_windows"], values["windows"]) == ("2", "3", "40")
    assert (values["model"], values["model_sha256"], values["threshold"]) == ("promoter-300", "cd" * 32, "0.9")
    assert (values["probability_mean"], values["probability_median"]) == ("0.25", "0.2")
    assert values["false_calls_per_kb_intron"] == "0.12"


def test_summaries_of_earlier_versions_have_no_distribution():
    old = {
        name: value for name, value in PROMOTER_SUMMARY.items() if name not in ("probability", "expected_false_calls")
    }
    values = records(attempts=[attempt(1)], summaries={attempt(1).key: old})[PROMOTER]
    assert not [name for name in values if name.startswith(("probability", "false_calls"))]


def test_protein_features_have_shares_of_states():
    values = records(attempts=[attempt(1)], summaries={attempt(1).key: STRUCTURE_SUMMARY})[PROTEIN]
    assert (values["proteins"], values["residues"]) == ("2", "130")
    assert [values[f"{state}_fraction"] for state in ("helix", "strand", "coil")] == ["0.4", "0.2", "0.4"]
    embedded = {name: value for name, value in STRUCTURE_SUMMARY.items() if name != "structure"}
    values = records(attempts=[attempt(1)], summaries={attempt(1).key: embedded})[PROTEIN]
    assert "helix_fraction" not in values


def test_every_feature_has_a_value_in_one_of_the_documents():
    """A source that no document has would be a feature without any value."""
    facts = [
        {"report": FASTQ_REPORT},
        {"attempts": [attempt(1)], "summaries": {attempt(1).key: PROMOTER_SUMMARY}},
        {"attempts": [attempt(1)], "summaries": {attempt(1).key: STRUCTURE_SUMMARY}},
    ]
    written = {group: values for each in facts for group, values in records(**each).items()}
    for group in GROUPS:
        assert [feature.name for feature in group.features if feature.name not in written[group]] == ["event_time"]


@pytest.mark.parametrize(
    ("key", "sample"),
    [
        ("reads/S1_S12_L001_R1_001.fastq.gz", "S1"),
        ("contigs/genome.fasta", "genome"),
        ("reads/sample 7.fq", "sample 7"),
    ],
)
def test_the_sample_is_named_by_the_file(key, sample):
    assert sample_of(key) == sample


def test_event_times_are_whole_seconds_and_increase():
    assert first_event_time(UPLOAD) == "2026-03-01T12:00:00Z"
    assert next_event_time("2026-12-31T23:59:59Z") == "2027-01-01T00:00:00Z"


@given(st.dictionaries(st.text(max_size=3), st.text(max_size=3)))
def test_the_event_time_is_no_value(values):
    values.pop("event_time", None)
    assert same_values(values, values | {"event_time": "2026-03-01T12:00:00Z"})
    assert not same_values(values | {"more": "1"}, values)
