"""The lineage of a run as an RO-Crate: raw files, the models and versions that read them, and their results.

https://www.researchobject.org/ro-crate/specification/1.1/. The crate is `ro-crate-metadata.json`; files beside it have
relative ids, and objects of S3 that were not downloaded are web-based entities with the id `s3://bucket/key`.
"""

from __future__ import annotations

import mimetypes
import posixpath
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from seqdrop.archive.receipt import Receipt
    from seqdrop.ledger.records import Attempt, Upload

METADATA: Final = "ro-crate-metadata.json"
SPECIFICATION: Final = "https://w3id.org/ro/crate/1.1"
CONTEXT: Final = [f"{SPECIFICATION}/context", {"sha256": "https://schema.org/sha256"}]
SEQDROP: Final = "#seqdrop-"  # with its version, the id of the software

Entity = dict[str, Any]


class Crate:
    """Collects the entities of a run. `folder` is its key in the landing bucket, `date` when it was archived."""

    def __init__(self, folder: str, date: str, license_url: str = "") -> None:
        self._entities: dict[str, Entity] = {}
        self._root: Entity = {
            "@id": "./",
            "@type": "Dataset",
            "name": folder.strip("/"),
            "description": f"Raw files of {folder.strip('/')}, what models predicted for them, and how.",
            "datePublished": date,
            "license": {"@id": license_url or "#license"},
            "hasPart": [],
            "mentions": [],
        }
        name = license_url or "The lab has not stated a license."
        self._add({"@id": license_url or "#license", "@type": "CreativeWork", "name": name})

    def _add(self, entity: Entity) -> dict[str, str]:
        """Add an entity unless there is one with its id; return the reference to it."""
        self._entities.setdefault(entity["@id"], entity)
        return {"@id": entity["@id"]}

    def _add_file(self, entity: Entity) -> dict[str, str]:
        reference = self._add(entity)
        if reference not in self._root["hasPart"]:
            self._root["hasPart"].append(reference)
        return reference

    def add_raw(self, upload: Upload, receipt: Receipt | None) -> dict[str, str]:
        """Add the raw file of an upload: its verified copy, or the landing object if it was not archived."""
        place = (
            f"{receipt['archive']['bucket']}/{receipt['archive']['key']}"
            if receipt
            else f"{upload.bucket}/{upload.key}"
        )
        entity: Entity = {
            "@id": f"s3://{quote(place)}#{upload.id}",
            "@type": "File",
            "name": upload.key,
            "identifier": upload.id,
            "contentSize": str(upload.size),
            "encodingFormat": upload.format or "application/octet-stream",
            "dateCreated": upload.created_at,
        }
        return self._add_file(entity | ({"sha256": upload.sha256} if upload.sha256 else {}))

    def add_prediction(
        self, attempt: Attempt, raw: Mapping[str, str], summary: Mapping[str, Any], results: Iterable[tuple[str, int]]
    ) -> None:
        """Add the action that made the results of an attempt. `results` are their ids and sizes."""
        files = [self._add_file(_result(id_, size)) for id_, size in results]
        action: Entity = {
            "@id": f"#{attempt.key}",
            "@type": "CreateAction",
            "name": f"{attempt.analysis}, attempt {attempt.number}",
            "object": [dict(raw)],
            "result": files,
            "instrument": self._add_instruments(summary),
            "actionStatus": {"@id": "http://schema.org/CompletedActionStatus"},
        }
        if end := attempt.timeline.get("PREDICTED", ""):
            action |= {"startTime": attempt.created_at, "endTime": end}
        self._root["mentions"].append(self._add(action))

    def _add_instruments(self, summary: Mapping[str, Any]) -> list[dict[str, str]]:
        """Add the version of Seqdrop and the model that `summary.json` names."""
        instruments = []
        if version := summary.get("seqdrop", ""):
            software = {
                "@id": f"{SEQDROP}{version}",
                "@type": "SoftwareApplication",
                "name": "Seqdrop",
                "softwareVersion": version,
            }
            instruments.append(self._add(software))
        if model := summary.get("model"):
            entity = {
                "@id": f"#model-{model['sha256'][:16]}",
                "@type": "SoftwareApplication",
                "name": model["name"],
                "softwareVersion": model["sha256"],
                "identifier": model["archive"],
                "sha256": model["sha256"],
            }
            instruments.append(self._add(entity))
        return instruments

    def as_dict(self) -> Entity:
        """Return the metadata document."""
        descriptor = {
            "@id": METADATA,
            "@type": "CreativeWork",
            "conformsTo": {"@id": SPECIFICATION},
            "about": {"@id": "./"},
        }
        root = {name: value for name, value in self._root.items() if value != []}
        return {"@context": CONTEXT, "@graph": [descriptor, root, *self._entities.values()]}


def _result(id_: str, size: int) -> Entity:
    name = posixpath.basename(id_)
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return {"@id": id_, "@type": "File", "name": name, "contentSize": str(size), "encodingFormat": kind}


def name_result(bucket: str, key: str, local: Sequence[str]) -> str:
    """Return the id of a result: its path below the crate, if it is there, or its place in S3."""
    return quote("/".join(local)) if local else f"s3://{quote(f'{bucket}/{key}')}"
