"""The rows of a run's samples, by its run.json."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seqdrop.catalogue.facts import Document
    from seqdrop.catalogue.upload_rows import Row
    from seqdrop.ledger.run_record import Run


def sample_rows(run: Run, report: Document) -> list[Row]:
    """Return a row for each sample of a run; a later part of the run replaces what an earlier one says of a sample."""
    samples = {sample["sample_id"]: sample for part in report.get("parts", []) for sample in part.get("samples", [])}
    return [
        {
            "run": run.name,
            "analysis": run.analysis,
            **({"project": sample["project"]} if sample["project"] else {}),
            "sample": name,
            "status": sample["status"],
            **({"missing": "; ".join(sample["missing"])} if sample["missing"] else {}),
            **({"lanes": "+".join(map(str, sample["lanes"]))} if sample["lanes"] else {}),
            "files": sum(map(len, sample["files"].values())),
            "bytes": sample["bytes"],
            **({"run_state": report["state"]} if report.get("state") else {}),
        }
        for name, sample in samples.items()
    ]
