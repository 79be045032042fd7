"""Features of uploads through a stack: online and offline they equal the results, from before the switch as well."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from rich.console import Console
from seqdrop.features.definitions import GROUPS
from seqdrop_cli.catalogue import backfill
from seqdrop_cli.main import main
from seqdrop_cli.target import Target
from seqdrop_cli.watch import watch

from local.deploy import Stack, deploy, install
from local.samples import make_dna, make_fastq
from local.testing import expect_error, wait_for
from tests.e2e.conftest import PATIENCE, drop_file
from tests.support.iceberg import read_rows

if TYPE_CHECKING:
    from local.embedded import EmbeddedAws

pytestmark = pytest.mark.long  # deploys its own stack, four times

STACK = "lab"
QC, PROMOTER, PROTEIN = (group.full_name(STACK) for group in GROUPS)
READERS = {"Integral": int, "Fractional": float, "String": str}
SOURCE = random.Random(11)
GENOME = make_dna(SOURCE, 3_000)


@dataclass
class Lab:
    """A stack with files that came before its feature groups, and one that came after."""

    aws: EmbeddedAws
    stack: Stack
    early: dict[str, str]  # upload ids by landing key
    late: dict[str, str]

    @property
    def target(self) -> Target:
        names = {
            name: getattr(self.stack, name) for name in ("landing", "work", "results", "models", "archive", "table")
        }
        return Target(region=self.aws.region, endpoint=self.aws.endpoint, access_key="test", stack=STACK, **names)

    @property
    def records(self):
        return self.aws.client("sagemaker-featurestore-runtime")

    def drop(self, files: dict[str, bytes]) -> dict[str, str]:
        """Drop files and wait until all of them are archived; return their upload ids."""
        versions = [drop_file(self.aws.client("s3"), self.stack.landing, key, body) for key, body in files.items()]
        ends = watch(self.target.ledger(), versions, Console(quiet=True), PATIENCE)
        assert [end.state for end in ends] == ["ARCHIVED"] * len(files), [end.detail for end in ends]
        return {version.key: version.id for version in versions}

    def read(self, key: str) -> dict:
        return json.loads(self.aws.client("s3").get_object(Bucket=self.stack.results, Key=key)["Body"].read())

    def get(self, group: str, upload_id: str) -> dict | None:
        """Return the values of a record in the types of its features; None if there is none."""
        response = self.records.get_record(FeatureGroupName=group, RecordIdentifierValueAsString=upload_id)
        types = {f.name: f.type for each in GROUPS if each.full_name(STACK) == group for f in each.features}
        record = {each["FeatureName"]: each["ValueAsString"] for each in response.get("Record", [])}
        return {name: READERS[types.get(name, "Integral")](value) for name, value in record.items()} or None

    def await_record(self, group: str, upload_id: str) -> dict:
        return wait_for(lambda: self.get(group, upload_id), timeout=PATIENCE, pause=0.5)

    def rows(self, group: str, least: int = 1) -> list[dict]:
        """Return the rows of the offline store, once there are as many as `least`."""
        described = self.aws.client("sagemaker").describe_feature_group(FeatureGroupName=group)
        catalog = described["OfflineStoreConfig"]["DataCatalogConfig"]
        table = catalog["Database"], catalog["TableName"]
        return wait_for(lambda: rows if len(rows := read_rows(self.aws, table)) >= least else None, pause=0.5)

    def derive_again(self) -> None:
        """Run `seqdrop catalogue backfill`, and wait until each message was handled."""
        backfill(self.target)
        wait_for(lambda: self._is_empty(self._queue()), timeout=PATIENCE, pause=0.5)

    def deploy(self, **parameters) -> None:
        self.stack, _ = install(self.aws, name=STACK, StaleMinutes=0, **parameters)

    def _queue(self) -> str:
        resource = self.aws.client("cloudformation").describe_stack_resource(
            StackName=STACK, LogicalResourceId="CatalogueQueue"
        )
        return resource["StackResourceDetail"]["PhysicalResourceId"]

    def _is_empty(self, queue: str) -> bool:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.aws.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
        return all(value == "0" for value in attributes.values())


def make_fasta(name: str, sequence: str) -> bytes:
    return f">{name}\n{sequence}\n".encode()


@pytest.fixture(scope="module")
def lab(aws) -> Lab:
    lab = Lab(aws, deploy(aws, name=STACK, StaleMinutes=0), {}, {})
    lab.early = lab.drop(
        {"reads/S1.fastq": make_fastq(SOURCE, GENOME, 1), "contigs/early.fasta": make_fasta("c", GENOME)}
    )
    lab.deploy(Features="true")
    protein = "".join(SOURCE.choices("ACDEFGHIKLMNPQRSTVWY", k=200))
    lab.late = lab.drop({"contigs/S1.fasta": make_fasta("d", GENOME[::-1]), "proteins/p.faa": make_fasta("p", protein)})
    return lab


def check_qc(lab: Lab, values: dict, upload_id: str) -> None:
    report = lab.read(f"reports/{upload_id}.json")
    assert values["reads"] == report["records"]
    names = ("bases", "n50", "gc_fraction", "n_fraction", "q20_fraction", "q30_fraction", "mean_length")
    assert {name: values.get(name) for name in names} == {name: report["qc"][name] for name in names}
    assert (values["sha256"], values["landing_key"]) == (report["sha256"], report["key"])


def check_promoter(lab: Lab, values: dict, analysis: str, upload_id: str) -> None:
    summary = lab.read(f"results/{analysis}/{upload_id}/summary.json")
    assert (values["windows"], values["scored"]) == (summary["counts"]["windows"], summary["counts"]["scored"])
    assert values["called_windows_per_kb"] == summary["calls"]["windows_per_kb"]
    assert (values["model"], values["model_sha256"]) == (summary["model"]["name"], summary["model"]["sha256"])
    assert values["threshold"] == summary["parameters"]["threshold"]
    distribution = {name.removeprefix("probability_"): v for name, v in values.items() if "probability" in name}
    assert distribution == summary["probability"]
    lines = lab.aws.client("s3").get_object(
        Bucket=lab.stack.results, Key=f"results/{analysis}/{upload_id}/predictions.jsonl"
    )["Body"]
    rows = [json.loads(line) for line in lines.iter_lines()]
    scores = [row["probability"] for row in rows if "probability" in row]
    assert values["probability_mean"] == pytest.approx(sum(scores) / len(scores), abs=1e-5)


def test_features_equal_the_results_online_and_offline(lab):
    contigs, proteins = lab.late["contigs/S1.fasta"], lab.late["proteins/p.faa"]
    qc, promoter = lab.await_record(QC, contigs), lab.await_record(PROMOTER, contigs)
    check_qc(lab, qc, contigs)
    check_promoter(lab, promoter, "contigs", contigs)
    protein = lab.await_record(PROTEIN, proteins)
    composition = lab.read(f"results/proteins/{proteins}/summary.json")["structure"]["composition"]
    assert [protein[f"{name}_fraction"] for name in ("helix", "strand", "coil")] == list(composition.values())
    assert (protein["residues"], lab.get(QC, proteins), lab.get(PROMOTER, proteins)) == (200, None, None)
    for group, record in ((QC, qc), (PROMOTER, promoter), (PROTEIN, protein)):
        # Two events of an upload that are handled at the same time may write a version twice.
        rows = [row for row in lab.rows(group) if row["upload_id"] == record["upload_id"]]
        assert rows
        for row in rows:
            assert {name: value for name, value in row.items() if value is not None and name in record} == record
            assert not row["is_deleted"]


def test_uploads_from_before_the_switch_are_written_by_a_backfill(lab):
    reads, contigs = lab.early["reads/S1.fastq"], lab.early["contigs/early.fasta"]
    assert (lab.get(QC, reads), lab.get(PROMOTER, contigs)) == (None, None)
    lab.derive_again()
    check_qc(lab, lab.get(QC, reads), reads)
    check_promoter(lab, lab.get(PROMOTER, reads), "reads", reads)
    check_promoter(lab, lab.get(PROMOTER, contigs), "contigs", contigs)


def test_repeated_events_change_nothing(lab):
    lab.derive_again()
    groups = (QC, PROMOTER, PROTEIN)
    before = [sorted(map(str, lab.rows(group))) for group in groups]
    lab.derive_again()
    assert [sorted(map(str, lab.rows(group))) for group in groups] == before
    for group in groups:
        versions = {(row["upload_id"], row["event_time"]) for row in lab.rows(group)}
        assert len(versions) == len({upload_id for upload_id, _ in versions})


@pytest.fixture
def seqdrop(lab, monkeypatch, capsys):
    """Return a function that runs a command, and returns its exit status and its output."""
    monkeypatch.setattr("seqdrop_cli.target.find_target", lambda _: lab.target)

    def run(*words: str) -> tuple[int, str, str]:
        status = main([*words])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def test_the_command_shows_the_newest_upload_of_a_sample(lab, seqdrop):
    lab.derive_again()
    status, out, err = seqdrop("features", "S1", "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert {line["group"]: line["upload_id"] for line in lines} == dict.fromkeys(
        ("read-qc", "promoter"), lab.late["contigs/S1.fasta"]
    )
    assert "2 uploads" in err
    status, out, _ = seqdrop("features", "S1", "--all", "--group", "read-qc")
    assert status == 0
    assert all(upload in out for upload in (lab.late["contigs/S1.fasta"], lab.early["reads/S1.fastq"]))
    status, _, err = seqdrop("features", "proteins/p.faa", "--group", "promoter")
    assert status == 1
    assert "no features" in err


def test_a_new_feature_is_added_in_place(lab, repository, tmp_path_factory):
    """The template of a later version has one more feature; so has its table of definitions."""
    lab.derive_again()
    upload_id = lab.early["reads/S1.fastq"]
    before = lab.get(QC, upload_id)
    lab.stack, _ = install(
        lab.aws, tree=extend(repository, tmp_path_factory.mktemp("tree")), name=STACK, Features="true"
    )
    assert lab.get(QC, upload_id) == before
    lab.derive_again()
    after = lab.get(QC, upload_id)
    ambiguous = after.pop("ambiguous")
    assert ambiguous == lab.read(f"reports/{upload_id}.json")["qc"]["ambiguous"]
    assert after.pop("event_time") > before.pop("event_time")
    assert after == before

    def versions() -> dict:
        return {row["event_time"]: row["ambiguous"] for row in lab.rows(QC) if row["upload_id"] == upload_id}

    both = wait_for(lambda: rows if len(rows := versions()) == 2 else None, pause=0.5)
    assert [both[event_time] for event_time in sorted(both)] == [None, ambiguous]


def extend(repository, tree):
    """Return a copy of the checkout with one more feature of reads."""
    for name in ("functions", "layers", "stacks"):
        shutil.copytree(repository / name, tree / name, symlinks=True)
    for name in ("template.yaml", "samconfig.toml"):
        shutil.copy(repository / name, tree)
    definitions = tree / "layers/seqdrop/seqdrop/features/definitions.py"
    lane = '        _text("lane", "report.qc.origin.lane", "lanes that the headers name"),\n'
    new = '        _whole("ambiguous", "report.qc.ambiguous", "ambiguous bases"),\n'
    definitions.write_text(_replace(definitions.read_text(), lane, lane + new))
    yaml = tree / "stacks/features.yaml"
    lane = "        - { FeatureName: lane, FeatureType: String }\n"
    yaml.write_text(
        _replace(yaml.read_text(), lane, lane + "        - { FeatureName: ambiguous, FeatureType: Integral }\n")
    )
    return tree


def _replace(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1
    return text.replace(old, new)


def test_switched_off_no_group_is_left(lab, seqdrop):
    lab.deploy(Features="false")
    assert not lab.aws.client("sagemaker").list_feature_groups(NameContains=STACK)["FeatureGroupSummaries"]
    with expect_error("ResourceNotFound"):
        lab.get(QC, lab.early["reads/S1.fastq"])
    status, _, err = seqdrop("features", "S1")
    assert status != 0
    assert "Features=true" in err
