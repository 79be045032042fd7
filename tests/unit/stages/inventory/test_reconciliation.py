"""An inventory beside the ledger: what is reported, what is left out, and that a mail is sent once."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

import pytest
from seqdrop.archive.inventory import InventoryError
from seqdrop.aws import keys
from seqdrop.errors import RetryableError
from seqdrop.ledger.records import Upload
from seqdrop.stages.archive.archive import archive
from seqdrop.stages.inventory import portions
from seqdrop.stages.inventory.reconciliation import reconcile_inventory
from seqdrop.uploads import UploadVersion

from local.inventory import COLUMNS, describe_schema, encode_parquet

FOLDER = "inventory/lists/archive/archive"
LATER = datetime(2027, 1, 1, tzinfo=UTC)  # than every move in the ledger
BODY = b"@r\nACGT\n+\nIIII\n"


class Archive:
    """Archived uploads of an account in memory, and inventories of their bucket."""

    def __init__(self, services, sent) -> None:
        self.services, self.s3, self.sent = services, services.s3, sent

    def add(self, key: str) -> Upload:
        """Archive a file."""
        upload = self.validate(key)
        archive(self.services, upload.id)
        return self.services.ledger.find_upload(upload.id)

    def validate(self, key: str) -> Upload:
        put = self.s3.put_object(Bucket="landing", Key=key, Body=BODY)
        version = UploadVersion("landing", key, put["VersionId"], len(BODY), "e")
        self.services.ledger.create(Upload.from_version(version, "raw"))
        digest = hashlib.sha256(BODY).hexdigest()
        self.services.ledger.move(self.services.ledger.find_upload(version.id), "VALIDATED", sha256=digest)
        return self.services.ledger.find_upload(version.id)

    def list(self) -> list[dict]:
        """Return the rows of an inventory of the archive bucket as it is."""
        listing = self.s3.list_object_versions(Bucket="archive")
        rows = []
        for entry in [*listing.get("Versions", []), *listing.get("DeleteMarkers", [])]:
            moment = int(entry["LastModified"].timestamp()) * 1000
            place = {"bucket": "archive", "key": entry["Key"], "version_id": entry["VersionId"]}
            state = {"is_latest": entry["IsLatest"], "is_delete_marker": "Size" not in entry}
            about = {"size": entry.get("Size"), "storage_class": entry.get("StorageClass")}
            rows.append(place | state | about | {"last_modified_date": moment})
        return rows

    def inventory(self, rows: list[dict], created: datetime = LATER, **changes) -> str:
        """Write an inventory with these rows in two files; return the key of its manifest.checksum."""
        files = []
        for number, part in enumerate((rows[::2], rows[1::2])):
            content, key = encode_parquet(list(COLUMNS), part), f"{FOLDER}/data/{number}.parquet"
            self.s3.put_object(Bucket="results", Key=key, Body=content)
            checksum = hashlib.md5(content, usedforsecurity=False).hexdigest()
            files.append({"key": key, "size": len(content), "MD5checksum": checksum})
        manifest = {
            "sourceBucket": "archive",
            "version": "2016-11-30",
            "creationTimestamp": str(int(created.timestamp() * 1000)),
            "fileFormat": "Parquet",
            "fileSchema": describe_schema(list(COLUMNS)),
            "files": files,
        } | changes
        content, folder = json.dumps(manifest).encode(), f"{FOLDER}/{created:%Y-%m-%dT%H-%MZ}"
        self.s3.put_object(Bucket="results", Key=f"{folder}/manifest.json", Body=content)
        checksum = hashlib.md5(content, usedforsecurity=False).hexdigest()
        self.s3.put_object(Bucket="results", Key=f"{folder}/manifest.checksum", Body=checksum.encode())
        return f"{folder}/manifest.checksum"

    def report(self, created: datetime = LATER) -> dict:
        key = keys.inventory_report(f"{created:%Y-%m-%dT%H-%MZ}", "inventory-report.json")
        return json.loads(self.s3.get_object(Bucket="results", Key=key)["Body"].read())

    def findings(self) -> list[tuple[str, str, str]]:
        return [(item["kind"], item["problem"], item["key"]) for item in self.report()["findings"]]

    @property
    def mails(self) -> list[str]:
        return [mail["Message"] for queue, mail in self.sent if queue == "topic"]


@pytest.fixture
def world(services, sent) -> Archive:
    return Archive(services, sent)


def change_receipt(world: Archive, upload: Upload, **copy) -> None:
    """Change the copy in a receipt."""
    body = world.s3.get_object(Bucket="results", Key=keys.receipt(upload.id))["Body"].read()
    receipt = json.loads(body)
    world.services.put_json("results", keys.receipt(upload.id), {**receipt, "archive": receipt["archive"] | copy})


def test_an_archive_that_agrees_has_a_report_and_no_mail(world):
    for name in "abc":
        world.add(f"raw/{name}.fastq")
    counts = reconcile_inventory(world.services, world.inventory(world.list()))
    assert counts == {"phantoms": 0, "orphans": 0, "mismatches": 0}
    report = world.report()
    assert (report["files"], report["versions"], report["findings"]) == (3, 3, [])
    assert world.mails == []


def test_each_fault_is_found_and_mailed(world):
    good, lost, other, shrunk = (world.add(f"raw/{name}.fastq") for name in ("good", "lost", "other", "shrunk"))
    (version,) = [row["version_id"] for row in world.list() if row["key"] == lost.archive_key]
    world.s3.delete_object(Bucket="archive", Key=lost.archive_key, VersionId=version)
    world.s3.put_object(Bucket="archive", Key=other.archive_key, Body=b"x", StorageClass="DEEP_ARCHIVE")
    world.s3.put_object(Bucket="archive", Key="raw/stray", Body=b"x")
    rows = world.list()
    next(row for row in rows if row["key"] == shrunk.archive_key)["size"] = 3
    counts = reconcile_inventory(world.services, world.inventory(rows))
    assert counts == {"phantoms": 1, "orphans": 1, "mismatches": 2}
    assert set(world.findings()) == {
        ("phantom", "missing", lost.archive_key),
        ("mismatch", "replaced", other.archive_key),
        ("mismatch", "size", shrunk.archive_key),
        ("orphan", "stray", "raw/stray"),
    }
    (mail,) = world.mails
    assert lost.archive_key in mail
    assert good.archive_key not in mail


def test_the_same_inventory_and_an_older_one_are_reported_once(world):
    world.s3.put_object(Bucket="archive", Key="stray", Body=b"x")
    key = world.inventory(world.list())
    assert reconcile_inventory(world.services, key)["orphans"] == 1
    assert reconcile_inventory(world.services, key) == {}
    assert reconcile_inventory(world.services, world.inventory(world.list(), LATER.replace(year=2026))) == {}
    assert len(world.mails) == 1
    assert reconcile_inventory(world.services, world.inventory(world.list(), LATER.replace(year=2028)))["orphans"] == 1
    assert len(world.mails) == 2


@pytest.mark.parametrize("place", ["put_object", "publish", "save"])
def test_after_a_crash_the_next_delivery_reports(world, monkeypatch, place):
    world.s3.put_object(Bucket="archive", Key="stray", Body=b"x")
    key = world.inventory(world.list())
    owner = {"put_object": world.s3, "publish": world.services.sns, "save": world.services.ledger}[place]

    def crash(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as crashing:
        crashing.setattr(owner, place, crash)
        with pytest.raises(KeyboardInterrupt):
            reconcile_inventory(world.services, key)
    assert reconcile_inventory(world.services, key)["orphans"] == 1
    assert len(world.mails) == 1


def test_two_invocations_at_once_send_one_mail(world, monkeypatch):
    world.s3.put_object(Bucket="archive", Key="stray", Body=b"x")
    key = world.inventory(world.list())
    monkeypatch.setattr(world.services.ledger, "save", lambda _: False)
    with pytest.raises(RetryableError, match="another invocation"):
        reconcile_inventory(world.services, key)
    assert world.mails == []


def test_files_archived_later_are_left_out_and_explain_their_objects(world):
    early, late = world.add("raw/early.fastq"), world.add("raw/late.fastq")
    created = datetime.fromisoformat(early.moved_at)
    rows = [row for row in world.list() if row["key"] == early.archive_key]
    assert reconcile_inventory(world.services, world.inventory(rows, created))["phantoms"] == 0
    assert world.report(created)["archived_since"] == 1
    again = world.inventory(world.list(), created.replace(microsecond=1000 + created.microsecond))
    assert reconcile_inventory(world.services, again)["orphans"] == 0
    assert late.archive_key in {row["key"] for row in world.list()}


def test_what_s3_denies_by_now_is_not_reported(world):
    """An inventory may lack a write, and list what was deleted since."""
    upload = world.add("raw/a.fastq")
    rows = [row | {"key": "deleted since"} for row in world.list()]
    assert reconcile_inventory(world.services, world.inventory(rows)) == {"phantoms": 0, "orphans": 0, "mismatches": 0}
    assert upload.state == "ARCHIVED"


class TestExpiredRecords:
    """The ledger forgets after LedgerDays; receipts do not."""

    @pytest.fixture
    def expired(self, world, cloud) -> Upload:
        upload = world.add("raw/a.fastq")
        world.services.ledger._table.delete_item(Key=upload.keys)
        return upload

    def test_a_receipt_explains_an_object(self, world, expired):
        assert world.services.ledger.find_upload(expired.id) is None
        assert reconcile_inventory(world.services, world.inventory(world.list()))["orphans"] == 0

    def test_a_receipt_finds_a_replaced_copy(self, world, expired):
        world.s3.put_object(Bucket="archive", Key=expired.archive_key, Body=b"x", StorageClass="DEEP_ARCHIVE")
        reconcile_inventory(world.services, world.inventory(world.list()))
        assert world.findings() == [("mismatch", "replaced", expired.archive_key)]

    def test_an_object_of_an_open_upload_is_explained(self, world):
        upload = world.validate("raw/open.fastq")
        key = keys.archived(upload.key, upload.id)
        world.s3.put_object(Bucket="archive", Key=key, Body=BODY, StorageClass="DEEP_ARCHIVE")
        assert reconcile_inventory(world.services, world.inventory(world.list()))["orphans"] == 0


def test_a_copy_of_an_upload_that_is_not_archived_is_an_orphan(world):
    """Its deletion was not finished, or a person withdrew the file."""
    upload = world.validate("raw/gone.fastq")
    key = keys.archived(upload.key, upload.id)
    world.s3.put_object(Bucket="archive", Key=key, Body=BODY, StorageClass="DEEP_ARCHIVE")
    world.services.ledger.move(upload, "WITHDRAWN", reason="deleted_before_archive")
    reconcile_inventory(world.services, world.inventory(world.list()))
    assert world.findings() == [("orphan", "stray", key)]


class TestBundles:
    """Files whose copy is a tar: the object is counted once, by the receipt of one of them."""

    @pytest.fixture
    def bundled(self, world) -> list[Upload]:
        uploads = [world.add(f"raw/{name}.fastq") for name in "abc"]
        tar = world.s3.put_object(Bucket="archive", Key="raw/bundle.tar", Body=b"t" * 2048, StorageClass="DEEP_ARCHIVE")
        place = {"name": "a", "offset": 512, "size": 2048, "sha256": "0" * 64, "index": "i"}
        for upload in uploads:
            world.s3.delete_object(Bucket="archive", Key=upload.archive_key, VersionId=self.version(world, upload))
            change_receipt(world, upload, key="raw/bundle.tar", version_id=tar["VersionId"], bundle=place)
            item = world.services.ledger._table.get_item(Key=upload.keys)["Item"]
            world.services.ledger._table.put_item(Item=item | {"archive_key": "raw/bundle.tar"})
        return uploads

    def version(self, world, upload: Upload) -> str:
        return next(row["version_id"] for row in world.list() if row["key"] == upload.archive_key)

    def test_a_whole_bundle_agrees(self, world, bundled):
        assert reconcile_inventory(world.services, world.inventory(world.list())) == {
            "phantoms": 0,
            "orphans": 0,
            "mismatches": 0,
        }
        assert world.report()["files"] == len(bundled)

    def test_a_lost_bundle_is_one_finding_about_all_its_files(self, world, bundled):
        (row,) = world.list()
        world.s3.delete_object(Bucket="archive", Key=row["key"], VersionId=row["version_id"])
        reconcile_inventory(world.services, world.inventory(world.list()))
        (finding,) = world.report()["findings"]
        assert (finding["problem"], finding["files"]) == ("missing", 3)
        assert set(finding["uploads"]) == {upload.id for upload in bundled}

    def test_a_bundle_of_another_size_is_a_mismatch(self, world, bundled):
        rows = [row | {"size": 49} for row in world.list()]
        reconcile_inventory(world.services, world.inventory(rows))
        assert world.findings() == [("mismatch", "size", "raw/bundle.tar")]


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_the_ledger_is_read_in_portions_over_several_invocations(world, monkeypatch, size):
    uploads = [world.add(f"raw/{number}.fastq") for number in range(5)]
    monkeypatch.setattr(portions, "PORTION", size)
    key, rounds = world.inventory(world.list()), 0
    while True:
        turns = iter([True])  # time for one portion
        counts = reconcile_inventory(world.services, key, lambda turns=turns: next(turns, False))
        rounds += 1
        if counts is not None:
            break
    assert counts == {"phantoms": 0, "orphans": 0, "mismatches": 0}
    assert world.report()["files"] == len(uploads)
    assert (rounds > 2) == (size < 3)


def test_a_missing_receipt_is_left_to_the_reconciler(world):
    upload = world.add("raw/a.fastq")
    world.s3.delete_object(Bucket="results", Key=keys.receipt(upload.id))
    rows = [row | {"size": 1} for row in world.list()]
    assert reconcile_inventory(world.services, world.inventory(rows))["mismatches"] == 0


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"sourceBucket": "other"}, "of the bucket other"),
        (
            {"files": [{"key": f"{FOLDER}/data/0.parquet", "size": 1, "MD5checksum": "0" * 32}]},
            "differs from its checksum",
        ),
    ],
    ids=["bucket", "file"],
)
def test_an_inventory_that_cannot_be_trusted_is_refused(world, change, problem):
    world.add("raw/a.fastq")
    with pytest.raises(InventoryError, match=problem):
        reconcile_inventory(world.services, world.inventory(world.list(), **change))


def test_a_manifest_that_differs_from_its_checksum_is_refused(world):
    key = world.inventory([])
    world.s3.put_object(Bucket="results", Key=key, Body=b"0" * 32)
    with pytest.raises(InventoryError, match=r"manifest\.checksum"):
        reconcile_inventory(world.services, key)


def test_too_many_differences_are_counted(world, monkeypatch):
    monkeypatch.setattr("seqdrop.stages.inventory.judgement.MOST", 2)
    for number in range(5):
        world.s3.put_object(Bucket="archive", Key=f"stray {number}", Body=b"x")
    reconcile_inventory(world.services, world.inventory(world.list()))
    assert (len(world.findings()), world.report()["unchecked_keys"]) == (2, 3)
    assert "3 further keys" in world.mails[0]
