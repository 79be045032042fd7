"""`seqdrop predict` writes what the pipeline writes: the same files, byte for byte where they hold no id or time."""

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

LETTERS = {"dna": "ACGT", "protein": "ACDEFGHIKLMNPQRSTVWY"}
BED = b"r1\t40\t46\nr2\t10\t12\n"


def fasta(alphabet: str, lengths: tuple[int, ...]) -> bytes:
    source = random.Random(8)
    records = ["".join(source.choices(LETTERS[alphabet], k=length)) for length in lengths]
    return "".join(f">r{number} made up\n{one}\n" for number, one in enumerate(records, start=1)).encode()


def fastq() -> bytes:
    source = random.Random(9)
    reads = ["".join(source.choices("ACGTN", weights=[9, 9, 9, 9, 1], k=length)) for length in (70, 150, 40, 201)]
    return "".join(f"@r{number}\n{one}\n+\n{'I' * len(one)}\n" for number, one in enumerate(reads, start=1)).encode()


INPUTS = {
    "reads": ("reads/alone.fastq", fastq()),
    "contigs": ("contigs/both ways.fa", fasta("dna", (900, 301, 20))),
    "masked": ("masked/both ways.fa", fasta("dna", (400, 60))),
    "embed": ("embed/both ways.fa", fasta("dna", (700, 100))),
    "proteins": ("proteins/both ways.fa", fasta("protein", (1, 300, 1_100))),
}


@pytest.fixture(scope="module")
def ended(put, end) -> dict[str, Progress]:
    """Where each input ended in the pipeline, by its analysis; they are dropped together."""
    bed = put("masked/both ways.bed", BED)
    versions = {name: put(key, body) for name, (key, body) in INPUTS.items()}
    uploads = {one.upload_id: one for one in end(bed, *versions.values())}
    return {name: uploads[version.id] for name, version in versions.items()}


def fetched(s3, bucket: str, prefix: str, folder: Path) -> dict[str, Path]:
    folder.mkdir()
    paths = {}
    for item in s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]:
        name = item["Key"].removeprefix(prefix)
        paths[name] = folder / name
        s3.download_file(bucket, item["Key"], str(paths[name]))
    return paths


def predicted(s3, bucket: str, name: str, folder: Path) -> tuple[dict[str, Path], str]:
    """The files of `seqdrop predict`, and the path of the model that it was given."""
    archive = current_archive(s3, bucket, packaged().by_name[name].settings.model)
    model, file, out = folder / archive.model, folder / Path(INPUTS[name][0]).name, folder / "out"
    s3.download_file(bucket, archive.key, str(model))
    file.write_bytes(INPUTS[name][1])
    asked = ["predict", str(file), "--model", str(model), "--analysis", name, "-o", str(out)]
    if name == "masked":
        (folder / "both ways.bed").write_bytes(BED)
        asked += ["--masks", str(folder / "both ways.bed")]
    assert main(asked) == 0
    return {path.name: path for path in out.iterdir()}, str(model)


def without_ids(made_by: dict) -> dict:
    """Provenance without what is of one upload, one job or one place alone."""
    kept = {key: value for key, value in made_by.items() if key not in ("job", "complete")}
    for part in ("upload", "masks"):
        if part in kept:
            kept[part] = {**kept[part], "id": "", "version_id": "", "key": Path(kept[part]["key"]).name}
    return {**kept, "model": {**kept["model"], "archive": ""}}


def comparable(path: Path, ids: list[str]) -> object:
    """What must be the same of a file: its bytes, but for ids in comments, and provenance as JSON."""
    if path.suffix == ".parquet":
        file = pyarrow.parquet.ParquetFile(path)
        made_by = json.loads(file.metadata.metadata[b"seqdrop"])
        return file.read().to_pylist(), without_ids(made_by)
    if path.name == "summary.json":
        return without_ids(json.loads(path.read_text()))
    if path.suffix in (".bed", ".gff3", ".bedgraph"):
        text = path.read_text()
        for one in ids:
            text = text.replace(json.dumps(one), '""')
        return text
    return path.read_bytes()


# What the others do is done by one of the first three, too: tables of windows, samples aside.
NAMES = ["contigs", "masked", "proteins", *(pytest.param(name, marks=pytest.mark.long) for name in ("embed", "reads"))]


@pytest.mark.parametrize("name", NAMES)
def test_both_write_the_same(ended, s3, stack, tmp_path, name):
    one = ended[name]
    assert one.state == "ARCHIVED", one.detail
    pipeline = fetched(s3, stack.results, f"results/{name}/{one.upload_id}/", tmp_path / "pipeline")
    local, model = predicted(s3, stack.results, name, tmp_path)
    assert sorted(pipeline) == sorted(local)
    archive = current_archive(s3, stack.results, packaged().by_name[name].settings.model).key
    key, job, version = one.key, one.attempts[-1].job, one.upload.version_id
    ids = [one.upload_id, key, version, job, archive, "local", Path(key).name, model]
    for file in pipeline:
        assert comparable(pipeline[file], ids) == comparable(local[file], ids), file
