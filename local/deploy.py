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
    from collections.abc import Callable, Iterator

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
    """`sam` said no; the message ends with what it printed."""


@dataclass(frozen=True)
class Stack:
    """Physical names of what template.yaml made: its outputs."""

    landing: str
    work: str
    results: str
    archive: str
    table: str
    topic: str

    @classmethod
    def of(cls, aws: EmbeddedAws, name: str = STACK) -> Stack:
        found = aws.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        return cls(**{item["OutputKey"].lower(): item["OutputValue"] for item in found["Outputs"]})


def deploy(
    aws: EmbeddedAws,
    say: Callable[[str], None] = lambda text: None,
    *,
    tree: Path = REPOSITORY,
    name: str = STACK,
    **parameters: str | int,
) -> Stack:
    """Build, deploy, push the code of processing jobs and the seed models. Takes 15 to 30 seconds.

    `tree` may be another checkout, whose template, functions and layers are deployed under another `name`; `parameters`
    are of the template.
    """
    stack, code = install(aws, say, tree=tree, name=name, **parameters)
    say("code and seed models")
    push_code(aws.client("s3"), stack.results, code, now())
    push_programs(aws, stack)
    push_seeds(aws, stack)
    return stack


def install(
    aws: EmbeddedAws,
    say: Callable[[str], None] = lambda text: None,
    *,
    tree: Path = REPOSITORY,
    name: str = STACK,
    **parameters: str | int,
) -> tuple[Stack, bytes]:
    """Build and deploy alone, also over an earlier version; return the stack and the code of processing jobs."""
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
        *("--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset", "--no-fail-on-empty-changeset"),
        *("--no-progressbar", *overrides(parameters)),
    )
    return Stack.of(aws, name), code


def build(folder: Path, environment: dict[str, str], tree: Path = REPOSITORY, parameters: dict | None = None) -> bytes:
    """Build a checkout into a folder; return the code of processing jobs. What has not changed is not built again.

    The embedded SageMaker runs this Python, too, so the layers are its jobs' code; for AWS's image
    `seqdrop processing push` fetches other wheels.
    """
    with _builds_alone(tree) as shared:
        made = shared / "build"
        places = ("--build-dir", str(made), "--cache-dir", str(shared / "cache"))
        _sam(environment, tree, shared / "sam-build.log", "build", "--cached", *places, *overrides(parameters or {}))
        _zip_layers(shared, made)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(made, folder, copy_function=_link)
        layers = [made / name / "python" for name in ("ReadsLayer", "SeqdropLayer")]
        return packed(shared, "processing", *layers).read_bytes()


def _zip_layers(shared: Path, made: Path) -> None:
    """Have the built template name a zip of each layer.

    sam would compress them anew at each deploy, which takes longer than all else that it does.
    """
    template = made / "template.yaml"
    text = template.read_text()
    for name in LAYER.findall(text):
        (made / f"{name}.zip").unlink(missing_ok=True)
        _link(str(packed(shared, name, made / name)), str(made / f"{name}.zip"))
    template.write_text(LAYER.sub(r"ContentUri: \1.zip", text))


def packed(shared: Path, name: str, *folders: Path) -> Path:
    """Return a zip of the folders' content, made anew only if that changed."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            digest.update(f"{path.relative_to(folder)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    found = shared / f"packed/{name}-{digest.hexdigest()[:16]}.zip"
    if not found.is_file():
        found.parent.mkdir(exist_ok=True)
        for old in found.parent.glob(f"{name}-*"):
            old.unlink()
        draft = found.with_suffix(".new")
        draft.write_bytes(pack(list(folders)))
        draft.replace(found)
    return found


def push_programs(aws: EmbeddedAws, stack: Stack) -> None:
    """Make the training scripts of this checkout what training jobs run."""
    for program in PROGRAMS:
        if (MODEL_CODE / program / TRAINING_ENTRY).is_file():
            push_program(aws.client("s3"), stack.results, program, pack_program(MODEL_CODE / program), now())


def push_seeds(aws: EmbeddedAws, stack: Stack) -> None:
    """Make the committed seeds the current models of the analyses that name them."""
    for model in sorted({analysis.settings.model for analysis in packaged().by_name.values() if analysis.has_model}):
        push_seed(aws.client("s3"), stack.results, model)


def push_seed(s3, results: str, model: str) -> None:
    """Make a committed seed the current model of its name.

    It is packed for the analysis that needs a trained head, where one does; that serves embeddings as well.
    """
    users = [one for one in packaged().by_name.values() if one.has_model and one.settings.model == model]
    task = next((one.kind.task for one in users if one.kind.head), None)
    push_archive(s3, results, model, pack_model(SEEDS[model], task=task), now())


def overrides(parameters: dict[str, str | int]) -> list[str]:
    """The embedded Lambda runs this Python on this processor, so that is what is built for."""
    runtime = f"python{sys.version_info.major}.{sys.version_info.minor}"
    architecture = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
    values = {"Runtime": runtime, "Architecture": architecture, "BatchingWindow": "1"} | parameters
    return ["--parameter-overrides", *(f"{name}={value}" for name, value in values.items())]


@contextmanager
def _builds_alone(tree: Path) -> Iterator[Path]:
    """The folder of what was built last, from which `sam build` takes what has not changed; for one at a time.

    It is a checkout's own, for each Python that builds there: two builds at a time trip over each other.
    """
    shared = tree / ".aws-sam" / f"embedded-{sys.implementation.cache_tag}"
    shared.mkdir(parents=True, exist_ok=True)
    with (shared.parent / "building").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield shared


def _link(source: str, target: str) -> None:
    """One file under two names, which costs nothing, or a copy where the two folders lie on two disks."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _sam(environment: dict[str, str], tree: Path, log: Path, command: str, *options: str) -> None:
    binaries = Path(sys.executable).parent
    own = {
        "PATH": f"{binaries}:{environment['PATH']}",  # sam looks for python3.x and pip there
        "SAM_CLI_POLL_DELAY": "0.5",  # seconds between two looks at a stack that is made; sam's own are 5
        "SAM_CLI_TELEMETRY": "0",
    }
    done = subprocess.run(
        [str(binaries / "sam"), command, *options],
        cwd=tree,
        env=environment | own,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    log.write_text(done.stdout)
    if done.returncode:
        raise DeployError(f"sam {command} failed:\n{done.stdout[-3000:]}")
