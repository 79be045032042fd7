"""template.yaml, built with `sam build` and deployed with `sam deploy` to the embedded AWS, and the seed models."""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seqdrop.kinds.plans import packaged
from seqdrop.models.archives import push_archive
from seqdrop.models.code_bundles import PROGRAMS, TRAINING_ENTRY, push_code, push_program
from seqdrop.runtime.services import now
from seqdrop_cli.deploy.archive import pack_model
from seqdrop_cli.deploy.model_code import MODEL_CODE
from seqdrop_cli.deploy.processing_code import pack
from seqdrop_cli.deploy.training_code import pack_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mypy_boto3_s3.client import S3Client

    from local.embedded import EmbeddedAws

REPOSITORY = Path(__file__).resolve().parent.parent
SEEDS = {
    "masked-6": REPOSITORY / "model_code/dnabert/seeds/masked-6",
    "promoter-70": REPOSITORY / "model_code/dnabert/seeds/promoter-70",
    "promoter-300": REPOSITORY / "model_code/dnabert/seeds/promoter-300",
    "structure": REPOSITORY / "model_code/protein/seeds/cnn-ss3",
}
STACK = "seqdrop"
LAYER = re.compile(r"ContentUri: (\w+Layer)$", re.MULTILINE)


class DeployError(Exception):
    """`sam` failed; the message contains the end of its output."""


@dataclass(frozen=True)
class Stack:
    """Physical names of the resources that template.yaml defines: its outputs."""

    landing: str
    work: str
    results: str
    archive: str
    table: str
    topic: str
    models: str = ""  # stacks of version 0.2 or earlier have neither this bucket nor the next two outputs
    key: str = ""
    uploaderpolicy: str = ""
    dashboardname: str = ""
    signingkey: str = ""  # only with SignReceipts=true
    endpointsqueue: str = ""  # only with Endpoints=true
    cataloguedatabase: str = ""  # this and the next two only with Catalogue=true
    catalogueworkgroup: str = ""
    cataloguereaderpolicy: str = ""
    transferqueue: str = ""  # this and the next: only with Transfer=true
    transfertask: str = ""
    eventbus: str = ""  # only with Events=true, as the next one
    eventarchive: str = ""

    @classmethod
    def of(cls, aws: EmbeddedAws, name: str = STACK) -> Stack:
        """Return the outputs of a deployed stack."""
        stack = aws.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        return cls(**{output["OutputKey"].lower(): output["OutputValue"] for output in stack["Outputs"]})


def deploy(
    aws: EmbeddedAws,
    say: Callable[[str], None] = lambda _: None,
    *,
    tree: Path = REPOSITORY,
    name: str = STACK,
    **parameters: str | int,
) -> Stack:
    """Build and deploy, then upload the code of processing jobs and the seed models. This takes 15 to 30 seconds.

    `tree` may be another checkout, whose template, functions and layers are deployed under another `name`; `parameters`
    are those of the template.
    """
    stack, code = install(aws, say, tree=tree, name=name, **parameters)
    say("code and seed models")
    push_code(aws.client("s3"), stack.models, code, now())
    push_programs(aws, stack)
    push_seeds(aws, stack)
    return stack


def install(
    aws: EmbeddedAws,
    say: Callable[[str], None] = lambda _: None,
    *,
    tree: Path = REPOSITORY,
    name: str = STACK,
    **parameters: str | int,
) -> tuple[Stack, bytes]:
    """Only build and deploy, also over an earlier version; return the stack and the code of processing jobs."""
    build_dir = aws.workdir / f"sam-build-{name}"
    say("sam build")
    code = build(build_dir, aws.environment(), tree, parameters)
    say("sam deploy")
    _sam(
        aws.environment(),
        tree,
        aws.workdir / "sam-deploy.log",
        "deploy",
        *("--template-file", str(build_dir / "template.yaml"), "--stack-name", name, "--resolve-s3"),
        *("--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"),
        *("--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"),
        *make_overrides(parameters),
    )
    return Stack.of(aws, name), code


def build(
    folder: Path,
    environment: dict[str, str],
    tree: Path = REPOSITORY,
    parameters: Mapping[str, str | int] | None = None,
) -> bytes:
    """Build a checkout into a folder; return the code of processing jobs. Unchanged parts are not built again.

    The embedded SageMaker runs this Python as well, so the code of its jobs is that of the layers; for the image of AWS
    `seqdrop processing push` downloads other wheels.
    """
    with _lock_builds(tree) as shared:
        output = shared / "build"
        places = ("--build-dir", str(output), "--cache-dir", str(shared / "cache"))
        _sam(
            environment, tree, shared / "sam-build.log", "build", "--cached", *places, *make_overrides(parameters or {})
        )
        _zip_layers(shared, output)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(output, folder, copy_function=_link)
        layers = [output / name / "python" for name in ("ReadsLayer", "SeqdropLayer")]
        return zip_folders(shared, "processing", *layers).read_bytes()


def _zip_layers(shared: Path, output: Path) -> None:
    """Replace each layer of the built template by a zip.

    sam would compress the layers again at each deploy, which takes longer than the rest of the deploy.
    """
    template = output / "template.yaml"
    text = template.read_text()
    for name in LAYER.findall(text):
        (output / f"{name}.zip").unlink(missing_ok=True)
        _link(str(zip_folders(shared, name, output / name, bytecode=True)), str(output / f"{name}.zip"))
    template.write_text(LAYER.sub(r"ContentUri: \1.zip", text))


def zip_folders(shared: Path, name: str, *folders: Path, bytecode: bool = False) -> Path:
    """Return a zip of the folders' content, which is written only if the content has changed.

    Bytecode is left out unless it is asked for.
    """
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            digest.update(f"{path.relative_to(folder)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    archive = shared / f"packed/{name}-{digest.hexdigest()[:16]}.zip"
    if not archive.is_file():
        archive.parent.mkdir(exist_ok=True)
        for old in archive.parent.glob(f"{name}-*"):
            old.unlink()
        draft = archive.with_suffix(".new")
        draft.write_bytes(pack(list(folders), bytecode=bytecode))
        draft.replace(archive)
    return archive


def push_programs(aws: EmbeddedAws, stack: Stack) -> None:
    """Upload the training scripts of this checkout, which training jobs then run."""
    for program in PROGRAMS:
        if (MODEL_CODE / program / TRAINING_ENTRY).is_file():
            push_program(aws.client("s3"), stack.models, program, pack_program(MODEL_CODE / program), now())


def push_seeds(aws: EmbeddedAws, stack: Stack) -> None:
    """Make the committed seeds the current models of the analyses that name them."""
    for model in sorted({analysis.settings.model for analysis in packaged().by_name.values() if analysis.has_model}):
        push_seed(aws.client("s3"), stack.models, model)


def push_seed(s3: S3Client, bucket: str, model: str) -> None:
    """Make a committed seed the current model of its name.

    It is packed for the analysis that needs a trained head, if any; the same archive serves embeddings.
    """
    users = [
        analysis
        for analysis in packaged().by_name.values()
        if analysis.settings and getattr(analysis.settings, "model", "") == model
    ]
    task = next((analysis.kind.task for analysis in users if analysis.kind.head), None)
    push_archive(s3, bucket, model, pack_model(SEEDS[model], task=task), now())


def make_overrides(parameters: Mapping[str, str | int]) -> list[str]:
    """Return options of sam that build for this Python and this processor, which the embedded Lambda uses."""
    runtime = f"python{sys.version_info.major}.{sys.version_info.minor}"
    architecture = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
    values = {"Runtime": runtime, "Architecture": architecture, "BatchingWindow": "1", **parameters}
    return ["--parameter-overrides", *(f"{name}={value}" for name, value in values.items())]


@contextmanager
def _lock_builds(tree: Path) -> Iterator[Path]:
    """Yield the folder of the last build, from which `sam build` takes unchanged parts, and keep other builds out.

    Each checkout has a folder for each Python. One lock covers them all, because simultaneous builds would conflict.
    """
    shared = tree / ".aws-sam" / f"embedded-{sys.implementation.cache_tag}"
    shared.mkdir(parents=True, exist_ok=True)
    with (shared.parent / "building").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield shared


def _link(source: str, target: str) -> None:
    """Make a hard link to a file, or copy the file if the two folders are on different disks."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _sam(environment: dict[str, str], tree: Path, log: Path, command: str, *options: str) -> None:
    binaries = Path(sys.executable).parent
    own = {
        "PATH": f"{binaries}:{environment['PATH']}",  # sam looks for python3.x and pip there
        "SAM_CLI_POLL_DELAY": "0.5",  # seconds between two requests for the state of a stack; the default of sam is 5
        "SAM_CLI_TELEMETRY": "0",
    }
    process = subprocess.run(
        [str(binaries / "sam"), command, *options],
        cwd=tree,
        env=environment | own,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    log.write_text(process.stdout)
    if process.returncode:
        raise DeployError(f"sam {command} failed:\n{process.stdout[-3000:]}")
