"""`seqdrop predict` writes the same files as the pipeline, byte for byte unless they contain an id or a time."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet
import pytest
from seqdrop.kinds.plans import packaged
from seqdrop.models.archives import current_archive
from seqdrop_cli.main import main

if TYPE_CHECKING:
    from seqdrop_cli.progress import Progress

RESIDUES = {"dna": "ACGT", "protein": "ACDEFGHIKLMNPQRSTVWY"}
BED = b"r1\t40\t46\nr2\t10\t12\n"


def make_fasta(alphabet: str, lengths: tuple[int, ...]) -> bytes:
    generator = random.Random(8)
    records = ["".join(generator.choices(RESIDUES[alphabet], k=length)) for length in lengths]
    return "".join(f">r{number} made up\n{sequence}\n" for number, sequence in enumerate(records, start=1)).encode()


def make_fastq() -> bytes:
    generator = random.Random(9)
    reads = ["".join(generator.choices("ACGTN", weights=[9, 9, 9, 9, 1], k=length)) for length in (70, 150, 40, 201)]
    return "".join(f"@r{number}\n{read}\n+\n{'I' * len(read)}\n" for number, read in enumerate(reads, start=1)).encode()


INPUTS = {
    "reads": ("reads/alone.fastq", make_fastq()),
    "contigs": ("contigs/both ways.fa", make_fasta("dna", (900, 301, 20))),
    "masked": ("masked/both ways.fa", make_fasta("dna", (400, 60))),
    "embed": ("embed/both ways.fa", make_fasta("dna", (700, 100))),
    "proteins": ("proteins/both ways.fa", make_fasta("protein", (1, 300, 1_100))),
}


@pytest.fixture(scope="module")
def uploads(put, wait_for_end) -> dict[str, Progress]:
    """The final progress of each input in the pipeline, by its analysis. They are dropped together."""
    bed = put("masked/both ways.bed", BED)
    versions = {name: put(key, body) for name, (key, body) in INPUTS.items()}
    uploads = {upload.upload_id: upload for upload in wait_for_end(bed, *versions.values())}
    return {name: uploads[version.id] for name, version in versions.items()}


def fetch(s3, bucket: str, prefix: str, folder: Path) -> dict[str, Path]:
    folder.mkdir()
    paths = {}
    for item in s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]:
        name = item["Key"].removeprefix(prefix)
        paths[name] = folder / name
        s3.download_file(bucket, item["Key"], str(paths[name]))
    return paths


def predict_locally(s3, bucket: str, name: str, folder: Path) -> tuple[dict[str, Path], str]:
    """Return the files of `seqdrop predict`, and the path of its model."""
    archive = current_archive(s3, bucket, packaged().by_name[name].settings.model)
    model, file, out = folder / archive.model, folder / Path(INPUTS[name][0]).name, folder / "out"
    s3.download_file(bucket, archive.key, str(model))
    file.write_bytes(INPUTS[name][1])
    words = ["predict", str(file), "--model", str(model), "--analysis", name, "-o", str(out)]
    if name == "masked":
        (folder / "both ways.bed").write_bytes(BED)
        words += ["--masks", str(folder / "both ways.bed")]
    assert main(words) == 0
    return {path.name: path for path in out.iterdir()}, str(model)


def remove_ids(made_by: dict) -> dict:
    """Return provenance without the parts that identify an upload, a job or a place."""
    fields = {key: value for key, value in made_by.items() if key not in ("job", "complete")}
    for part in ("upload", "masks"):
        if part in fields:
            fields[part] = {**fields[part], "id": "", "version_id": "", "key": Path(fields[part]["key"]).name}
    return {**fields, "model": {**fields["model"], "archive": ""}}


def read_comparable(path: Path, ids: list[str]) -> object:
    """Return the content that must be equal: bytes without ids in comments, and provenance as JSON."""
    if path.suffix == ".parquet":
        file = pyarrow.parquet.ParquetFile(path)
        made_by = json.loads(file.metadata.metadata[b"seqdrop"])
        return file.read().to_pylist(), remove_ids(made_by)
    if path.name == "summary.json":
        summary = json.loads(path.read_text())
        summary.pop("computed", None)  # by which job, and what it cost
        return remove_ids(summary)
    if path.name in ("hub.txt", "igv_session.xml"):
        text = path.read_text()
        for word in sorted(ids, key=len, reverse=True):
            text = text.replace(word, "")
        return text
    if path.suffix in (".bed", ".gff3", ".bedgraph"):
        text = path.read_text()
        for word in ids:
            text = text.replace(json.dumps(word), '""')
        return text
    return path.read_bytes()


# The first three cover most of the code that writes the files of the others; only samples are missing.
NAMES = ["contigs", "masked", "proteins", *(pytest.param(name, marks=pytest.mark.long) for name in ("embed", "reads"))]


@pytest.mark.parametrize("name", NAMES)
def test_both_write_the_same_files(uploads, s3, stack, tmp_path, name):
    upload = uploads[name]
    assert upload.state == "ARCHIVED", upload.detail
    pipeline = fetch(s3, stack.results, f"results/{name}/{upload.upload_id}/", tmp_path / "pipeline")
    local, model = predict_locally(s3, stack.models, name, tmp_path)
    pipeline.pop("index.html")  # it leads to the report and the receipt of the upload
    assert sorted(pipeline) == sorted(local)
    archive = current_archive(s3, stack.models, packaged().by_name[name].settings.model).key
    key, job, version = upload.key, upload.attempts[-1].job, upload.upload.version_id
    ids = [upload.upload_id, key, version, job, archive, "local", Path(key).name, model]
    for file in pipeline:
        assert read_comparable(pipeline[file], ids) == read_comparable(local[file], ids), file
