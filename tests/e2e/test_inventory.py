"""An inventory of the archive bucket: each planted fault is reported once, with one mail, and nothing else is."""

import json

from seqdrop.aws import keys

from local.inventory import write_inventory

PREFIX, READ = "raw/inventory", b"@%s\nACGTACGT\n+\nIIIIIIII\n"


def test_each_fault_is_reported_and_mailed_once(pipeline, mails):
    s3, archive, results = pipeline.s3, pipeline.stack.archive, pipeline.stack.results
    names = ("good", "lost", "replaced", "hidden")
    uploads = {name: pipeline.put(f"{PREFIX}/{name}.fastq", READ % name.encode()) for name in names}
    progress = pipeline.wait_for_end(*uploads.values())
    assert {item.upload.state for item in progress} == {"ARCHIVED"}
    copies = {name: keys.archived(upload.key, upload.id) for name, upload in uploads.items()}
    versions = {name: s3.head_object(Bucket=archive, Key=key)["VersionId"] for name, key in copies.items()}
    s3.delete_object(Bucket=archive, Key=copies["lost"], VersionId=versions["lost"])
    other = s3.put_object(Bucket=archive, Key=copies["replaced"], Body=b"other", StorageClass="DEEP_ARCHIVE")
    s3.delete_object(Bucket=archive, Key=copies["hidden"])
    stray = s3.put_object(Bucket=archive, Key=f"{PREFIX}/stray.log", Body=b"?")

    checksum = write_inventory(pipeline.aws, archive, "archive", rows_per_file=3)
    mail = mails.wait_for(copies["lost"])
    report = read_report(s3, results, checksum)
    findings = {
        (finding["kind"], finding["problem"], finding["key"], finding["version_id"], tuple(finding["uploads"]))
        for finding in report["findings"]
        if PREFIX in finding["key"]
    }
    assert findings == {
        ("phantom", "missing", copies["lost"], versions["lost"], (uploads["lost"].id,)),
        ("mismatch", "replaced", copies["replaced"], versions["replaced"], (uploads["replaced"].id,)),
        ("mismatch", "hidden", copies["hidden"], versions["hidden"], (uploads["hidden"].id,)),
        ("orphan", "stray", f"{PREFIX}/stray.log", stray["VersionId"], ()),
    }
    replaced = next(finding for finding in report["findings"] if finding["problem"] == "replaced")
    assert replaced["actual"] == other["VersionId"]
    assert mail["Subject"] == f"Seqdrop: {len(report['findings'])} differences between the archive and the ledger"
    assert all(word in mail["Message"] for word in ("phantom (missing)", "Drop the file again", stray["VersionId"]))


def read_report(s3, results: str, checksum: str) -> dict:
    """Return the report on the inventory of a manifest.checksum."""
    reports = s3.list_objects_v2(Bucket=results, Prefix="inventory/reports/")["Contents"]
    names = [entry["Key"] for entry in reports if entry["Key"].endswith(".json")]
    documents = [json.loads(s3.get_object(Bucket=results, Key=name)["Body"].read()) for name in names]
    return next(report for report in documents if report["inventory"] == checksum.replace(".checksum", ".json"))
