"""The entry point of `seqdrop`: one subcommand a verb, each a few lines that call the module of its name."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from seqdrop.config.kind import ALPHABETS, DNA
from seqdrop.errors import SeqdropError
from seqdrop.kinds.plans import KINDS
from seqdrop.ledger.moves import ENDS, MOVES, UPLOAD
from seqdrop.models.code_bundles import push_code
from seqdrop.runtime.services import now

from seqdrop_cli import target as targets
from seqdrop_cli.commands import config, models, redrive, release, replay
from seqdrop_cli.commands import plan as training
from seqdrop_cli.commands import training as trainings
from seqdrop_cli.commands.validate import validate
from seqdrop_cli.deploy.model_code import MODEL_CODE
from seqdrop_cli.deploy.processing_code import build
from seqdrop_cli.landing import plan_drops, upload_file
from seqdrop_cli.progress import read_progress
from seqdrop_cli.results import fetch_results
from seqdrop_cli.watch import StalledError, explain_waiting, render, watch

if TYPE_CHECKING:
    from seqdrop.ledger.records import Upload

TASKS = list(dict.fromkeys(kind.task for kind in KINDS.values() if kind.task))
AFTER_FAILURE = (
    "Once the cause is mended, `seqdrop replay --state FAILED` shows what can be tried again, and\n"
    "`seqdrop release UPLOAD` archives a file without predictions."
)
EPILOG = """\
Without --stack, commands talk to the embedded AWS that `make demo KEEP=1` left up.

  seqdrop validate S1_R1.fastq.gz --mate S1_R2.fastq.gz   find the broken file before it is dropped
  seqdrop drop run7/ --stack seqdrop --watch           drop a run and watch it
  seqdrop status --stack seqdrop                       where every upload stands
  seqdrop fetch UPLOAD_ID --stack seqdrop --to out/    bring its results home
  seqdrop replay --state FAILED --stack seqdrop        what could be tried again, and what not and why
  seqdrop release UPLOAD_ID --stack seqdrop --yes      archive a file without predictions
  seqdrop redrive --stack seqdrop                      messages that no function could handle
  seqdrop predict --model my-dnabert/ --analysis contigs genome.fa -o out/   the same predictions, without AWS
  seqdrop predict --model my-protein-model/ proteins.fa -o out/   secondary structure, without AWS
  seqdrop package-model my-dnabert/ --labels "not promoter" promoter -o model.tar.gz
  seqdrop models push promoter-300 model.tar.gz --stack seqdrop
  seqdrop config check                                 what is wrong with analyses.toml, or with a job.toml
  seqdrop plan training/ss3/job.toml                   what a training job would take: GPU memory, hours, dollars
  seqdrop processing push --stack seqdrop              after a deploy: jobs for large files run this code
  seqdrop training push --stack seqdrop                after a deploy: training jobs run this code
"""


def main(argv: list[str] | None = None) -> int:
    """Run one command; the exit status is 0 if all went well."""
    options = parser().parse_args(argv)
    console = Console()
    try:
        return options.run(options, console) or 0
    except (
        targets.StackNotFoundError,
        SeqdropError,
        StalledError,
        ValueError,
        OSError,
        BotoCoreError,
        ClientError,
    ) as error:
        print(f"seqdrop: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nseqdrop: stopped; what was dropped goes on by itself", file=sys.stderr)
        return 130


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="seqdrop",
        description="Drop sequencing files; watch them become predictions and a cold archive.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    one = _command(commands, "validate", _validate, "check a file as the pipeline will", stack=False)
    one.add_argument("file", metavar="FILE", help="a path, - for standard input, or s3://bucket/key")
    one.add_argument("--mate", metavar="FILE", help="the file of the second mates; the pair is checked, too")
    one.add_argument("--alphabet", choices=ALPHABETS, default=DNA, help="of FASTA (default: %(default)s)")
    one.add_argument("--json", action="store_true", help="print the whole report as JSON")
    one.add_argument("--html", metavar="DIR", type=Path, help="write a page on each file there: figures and pictures")
    one.add_argument("--multiqc", metavar="DIR", type=Path, help="write the figures there for MultiQC to find")
    one = _command(commands, "drop", _drop, "upload files or folders to the landing bucket")
    one.add_argument("paths", nargs="+", type=Path)
    one.add_argument("--prefix", help="landing prefix, such as raw/ (default: by each file's format)")
    one.add_argument("--watch", action="store_true", help="show progress until each has ended")
    one = _command(commands, "status", _status, "show where uploads stand")
    one = _command(commands, "fetch", _fetch, "download an upload's results")
    one.add_argument("upload")
    one.add_argument("--to", type=Path, default=Path("seqdrop-results"))
    replay.add(commands, _command)
    release.add(commands, _command)
    redrive.add(commands, _command)
    config.add(commands, _command)
    one = _command(commands, "env", _env, "print the functions' environment, for `sam local invoke --env-vars`")
    one = _command(commands, "package-model", models.package_model, "make a model archive, and try it", stack=False)
    _packing(one)
    one.add_argument("-o", "--out", type=Path, required=True, metavar="FILE", help="such as model.tar.gz")
    _predict(_command(commands, "predict", models.predict, "predict a file on this machine, without AWS", stack=False))
    _plan(commands)
    of_models = commands.add_parser("models", help="show or change the current model of an analysis")
    verbs = of_models.add_subparsers(required=True, metavar="VERB")
    one = _command(verbs, "push", models.push, "make a checkpoint the current model")
    one.add_argument("model", help="the name analyses.toml uses, such as promoter-300")
    _packing(one)
    one = _command(verbs, "show", models.show, "show the current archive of a model")
    one.add_argument("model")
    one = _command(verbs, "use", trainings.use, "make a trained version the current one, whatever its gate said")
    one.add_argument("model")
    one.add_argument("version", help="as models/MODEL/ in the results bucket lists them")
    of_trainings = commands.add_parser("training", help="change what training jobs run and what they go on from")
    verbs = of_trainings.add_subparsers(required=True, metavar="VERB")
    one = _command(verbs, "push", trainings.push, "make the training scripts of this checkout what those jobs run")
    one.add_argument("--code", type=Path, default=MODEL_CODE, help="folder with protein/ and dnabert/")
    one = _command(verbs, "weights", trainings.weights, "upload a pre-trained model that job.toml may name")
    one.add_argument("model", help="the name, such as prot_bert_bfd")
    one.add_argument("folder", type=Path, help="its Hugging Face folder")
    processing = commands.add_parser("processing", help="change what jobs run that examine large files")
    verbs = processing.add_subparsers(required=True, metavar="VERB")
    one = _command(verbs, "push", _push_code, "make this code, and the wheels it needs, what those jobs run")
    one.add_argument("--python", default="3.12", help="that of the stack's ProcessingImage (default: %(default)s)")
    one.add_argument("--architecture", default="x86_64", choices=["x86_64", "aarch64"])
    one.add_argument("--requirements", type=Path, default=Path("layers/reads/requirements.txt"))
    return top


def _packing(one: argparse.ArgumentParser) -> None:
    one.add_argument("source", metavar="DIR|HUB_ID", help="a Hugging Face folder, an id on the hub, or a model.tar.gz")
    one.add_argument("--task", choices=TASKS, help="what it is for: promoter, of a protein model structure, if absent")
    one.add_argument("--labels", nargs="+", default=(), metavar="NAME", help="names of the classes, class 0 first")
    one.add_argument("--code", type=Path, help="folder with inference.py (default: that of model_code/)")


def _predict(one: argparse.ArgumentParser) -> None:
    one.add_argument("file", type=Path, metavar="FILE", help="FASTA or FASTQ, plain or gzip; unaligned BAM")
    one.add_argument("--model", type=Path, required=True, metavar="DIR|FILE", help="a folder, or a model.tar.gz")
    one.add_argument("--analysis", metavar="NAME", help="settings as analyses.toml has them, such as contigs")
    one.add_argument("--task", choices=TASKS, help="promoter, of a protein model structure, if absent")
    one.add_argument("--window", type=int, metavar="BASES", help="of a protein model: residues")
    one.add_argument("--stride", type=int, metavar="BASES", help="default: the window")
    one.add_argument("--strands", choices=("+", "+-"), help="default: +")
    one.add_argument("--threshold", type=float, metavar="P", help="probability from which a window is called")
    one.add_argument("--masks", type=Path, metavar="BED", help="stretches to fill, in place of runs of N (task masked)")
    one.add_argument("--max-n-fraction", type=float, metavar="F", help="of a window that is scored")
    one.add_argument("--code", type=Path, help="folder with inference.py, for a model that is a folder")
    one.add_argument("-o", "--out", type=Path, default=Path("seqdrop-predictions"), metavar="DIR")


def _plan(commands) -> None:
    one = _command(commands, "plan", training.show, "say what a training job would take", stack=False)
    one.description, one.formatter_class = training.HELP, argparse.RawDescriptionHelpFormatter
    one.add_argument("job", type=Path, metavar="job.toml")
    one.add_argument("--residues", type=_positive, metavar="N", help="in the training records; default: they are read")
    place = one.add_mutually_exclusive_group()
    place.add_argument("--instance", metavar="TYPE", help="in place of instance.type, such as ml.g5.12xlarge")
    place.add_argument("--any", action="store_true", help="the cheapest instance that will do")
    one.add_argument("--price", type=float, metavar="USD", help="an hour of that instance, as you pay it")
    one.add_argument("--smp-image", action="store_true", help="the image has SageMaker's own distributed libraries")
    one.add_argument("--json", action="store_true", help="print the whole plan as JSON")


def _positive(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("it must be 1 or more")
    return count


def _command(commands, name: str, run, text: str, stack: bool = True) -> argparse.ArgumentParser:
    one = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    one.set_defaults(run=run)
    if stack:
        one.add_argument("--stack", metavar="NAME", help="a deployed CloudFormation stack (default: the embedded one)")
    return one


def _validate(options, console: Console) -> int:
    return validate(options.file, options.mate, options.json, console, options.multiqc, options.html, options.alphabet)


def _drop(options, console: Console) -> int:
    target = targets.find(options.stack)
    versions = []
    for drop in plan_drops(options.paths, options.prefix):
        versions.append(upload_file(target.client("s3"), target.landing, drop))
        console.print(
            f"{versions[-1].id}  s3://{target.landing}/{drop.key}", highlight=False, soft_wrap=True, markup=False
        )
    if not options.watch:
        return 0
    ended = watch(target.ledger(), versions, console)
    for text in explain_waiting(ended):
        console.print(text, highlight=False, soft_wrap=True, markup=False)
    return 0 if all(one.state == "ARCHIVED" for one in ended) else 1


def _status(options, console: Console) -> int:
    ledger = targets.find(options.stack).ledger()
    states = sorted({move.target for move in MOVES if move.kind == UPLOAD}, key=lambda s: s in ENDS[UPLOAD])
    found: list[Upload] = [upload for state in states for upload in ledger.in_state(UPLOAD, state)]
    shown = [read_progress(ledger, u.id, f"{u.key}\n{u.id}", u.size) for u in found]
    console.print(render(shown, 0))
    if failed := sum(one.state == "FAILED" for one in shown):
        many = "1 upload" if failed == 1 else f"{failed} uploads"
        console.print(f"{many} of which an attempt failed. {AFTER_FAILURE}", highlight=False, soft_wrap=True)
    return 0


def _fetch(options, console: Console) -> int:
    target = targets.find(options.stack)
    ledger = target.ledger()
    upload_record = ledger.find_upload(options.upload)
    if upload_record is None:
        raise targets.StackNotFoundError(f"there is no upload {options.upload}; `seqdrop status` lists them")
    one = read_progress(ledger, upload_record.id, upload_record.key, upload_record.size)
    for path in fetch_results(target, one, options.to):
        console.print(str(path), highlight=False, soft_wrap=True, markup=False)
    return 0


def _env(options, console: Console) -> int:
    if options.stack is None:
        raise targets.StackNotFoundError("env is for a deployed stack: name it with --stack")
    print(json.dumps({"Parameters": targets.find(options.stack).environment()}, indent=2))
    return 0


def _push_code(options, console: Console) -> int:
    target = targets.find(options.stack)
    packages = build(options.requirements, options.python, options.architecture)
    code = push_code(target.client("s3"), target.results, packages, now())
    console.print(f"jobs now run s3://{target.results}/{code.prefix}", highlight=False, soft_wrap=True, markup=False)
    return 0
