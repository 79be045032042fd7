"""Every command with its line in `seqdrop --help`. A command's module is imported only when the command is called."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from seqdrop_cli.command import Command
from seqdrop_cli.parsing import Example, Parser, format_examples

if TYPE_CHECKING:
    from argparse import _SubParsersAction
    from collections.abc import Container, Mapping


@dataclass(frozen=True)
class Group:
    """A command with verbs, such as `seqdrop models push`; `verbs` has the summary of each verb."""

    summary: str
    verbs: Mapping[str, str]
    examples: tuple[Example, ...]


COMMANDS: Mapping[str, str | Group] = {
    "validate": "check files, and pairs of files, as the pipeline will check them",
    "upload": "send files and whole run folders to the landing bucket, and continue after any interruption",
    "watch": "upload the run folders of an instrument while they grow",
    "drop": "the earlier name of `upload`",
    "status": "show the state of uploads",
    "results": "list the results of files, runs and samples",
    "fetch": "download the results of files, runs and samples, or restored raw data",
    "share": "make a page with links to results and raw data, for people without an AWS account",
    "crate": "write the lineage of a run as an RO-Crate",
    "restore": "make archived files, samples and runs readable, after the price was shown",
    "features": "show the features of an upload or a sample, from Feature Store",
    "replay": "try failed uploads again, or predict again with the current model",
    "release": "archive files whose attempt failed, without predictions",
    "doctor": "check whether a stack can do its work: models, quotas, mails, key, and one small file",
    "forget": "delete archived files, in two steps: ask, and wait",
    "verify-receipts": "find receipts that are missing, altered or inserted",
    "redrive": "show messages that a function could not handle, and send them back",
    "config": Group(
        "check analyses.toml or a job.toml; print their JSON Schemas",
        {
            "check": "report what is wrong with analyses.toml or a job.toml",
            "schema": "print a JSON Schema, for editors",
        },
        (
            Example("seqdrop config check", "the analyses.toml of this checkout"),
            Example("seqdrop config schema job > job.schema.json", "a schema with which an editor checks job.toml"),
        ),
    ),
    "env": "print the environment variables of the functions, for `sam local invoke --env-vars`",
    "event": "print the true event of a dropped file, for `sam local invoke -e`",
    "package-model": "pack a model into an archive, and test it",
    "predict": "predict a file on this machine, without AWS",
    "plan": "show what a training job would need: GPU memory, hours, dollars",
    "estimate": "show what AWS would bill for files, before they are dropped",
    "models": Group(
        "show or change the current model of an analysis",
        {
            "push": "make a checkpoint the current model",
            "show": "show the current archive of a model",
            "list": "list the versions that trainings have registered",
            "history": "list the archives that were the current one, and who changed it",
            "promote": "compare a trained version with the current model, and make it the current one",
            "rollback": "make an earlier model the current one again",
            "use": "the earlier name of `promote --yes`",
        },
        (
            Example("seqdrop models show promoter-300", "which archive is current, and its classes"),
            Example("seqdrop models push promoter-300 my-dnabert/", "a Hugging Face folder becomes the model"),
        ),
    ),
    "endpoint": Group(
        "list, start and stop the endpoints of a stack",
        {
            "list": "show the state and the cost of each endpoint",
            "start": "make an endpoint that was stopped or was idle, and try a refused model again",
            "stop": "delete an endpoint until it is started again",
        },
        (
            Example("seqdrop endpoint list --stack seqdrop", "state and cost of each endpoint"),
            Example("seqdrop endpoint stop contigs --stack seqdrop", "its instances cost nothing from then on"),
        ),
    ),
    "transfer": Group(
        "copy runs into the landing bucket by DataSync",
        {
            "status": "show the last executions: what they copied, and what failed",
            "start": "copy what is new in the source now",
        },
        (
            Example("seqdrop transfer status --stack seqdrop", "the last executions, the newest first"),
            Example("seqdrop transfer start --stack seqdrop", "copy what is new, without waiting for the schedule"),
        ),
    ),
    "training": Group(
        "change the code that training jobs run and the weights that they start from",
        {
            "push": "upload the training scripts of this checkout for the next training jobs",
            "weights": "upload a pre-trained model that job.toml may name",
        },
        (
            Example("seqdrop training push --stack seqdrop", "after a deploy"),
            Example("seqdrop training weights prot_bert_bfd prot_bert_bfd/", 'then: weights = "prot_bert_bfd"'),
        ),
    ),
    "processing": Group(
        "change the code of the jobs that check large files",
        {"push": "upload the code of this checkout and its packages for the next processing jobs"},
        (Example("seqdrop processing push --stack seqdrop", "after a deploy"),),
    ),
    "monitor": Group(
        "choose what monitoring compares inputs and predictions with",
        {"baseline": "upload the counts of files that are as usual"},
        (Example("seqdrop monitor baseline reads good.fastq.gz --stack seqdrop", "compare reads with these"),),
    ),
    "catalogue": Group(
        "ask what became of files, what they cost, and which model made what",
        {
            "ask": "ask one of five questions by SQL",
            "genes": "upload a list of genes for the question about promoters",
            "backfill": "derive all rows anew",
        },
        (
            Example("seqdrop catalogue ask failed --stack seqdrop", "what failed in all runs, and why"),
            Example("seqdrop catalogue backfill --stack seqdrop", "rows of what was there before the catalogue"),
        ),
    ),
    "completion": "print the code that completes commands and options in a shell",
}
EXAMPLES = (
    Example("seqdrop validate S1_R1.fastq.gz S1_R2.fastq.gz", "find a broken file before it is dropped"),
    Example("seqdrop estimate run7/", "what AWS would bill for it"),
    Example("seqdrop upload run7/ --stack seqdrop --watch", "send a run and watch it"),
    Example("seqdrop status --stack seqdrop", "the state of every upload"),
    Example("seqdrop fetch S1_R1.fastq.gz --stack seqdrop --to out/", "download the results of a file"),
    Example("seqdrop share run7 --stack seqdrop --days 3", "a page with links for people without an AWS account"),
    Example("seqdrop restore run7 --stack seqdrop --dry-run", "what it costs to get a run back from the archive"),
    Example("seqdrop replay --state FAILED --stack seqdrop", "what can be tried again, and why the rest cannot"),
    Example("seqdrop release UPLOAD_ID --stack seqdrop --yes", "archive a file without predictions"),
    Example("seqdrop forget runs/run7 --stack seqdrop", "what deleting the archived files of a run would cost"),
    Example("seqdrop verify-receipts --stack seqdrop", "that no proof of an archived file was changed"),
    Example("seqdrop redrive --stack seqdrop", "messages that a function could not handle"),
    Example("seqdrop predict --model my-dnabert/ --analysis contigs genome.fa -o out/", "predictions without AWS"),
    Example("seqdrop predict --model my-protein-model/ proteins.fa -o out/", "secondary structure, without AWS"),
    Example('seqdrop package-model my-dnabert/ --labels "not promoter" promoter -o model.tar.gz', "an archive"),
    Example("seqdrop models push promoter-300 model.tar.gz --stack seqdrop", "make it the current model"),
    Example("seqdrop config check", "errors in analyses.toml; name a job.toml to check that"),
    Example("seqdrop plan training/ss3/job.toml", "what a training job would need: GPU memory, hours, dollars"),
    Example("seqdrop processing push --stack seqdrop", "after a deploy: the code of jobs for large files"),
    Example("seqdrop training push --stack seqdrop", "after a deploy: the code of training jobs"),
)
DESCRIPTION = """\
Upload sequencing files to Amazon S3, have them checked and predicted there, download the results, and keep the raw
files in a cold archive.

`seqdrop COMMAND --help` explains a command and shows examples.

A stack is one installation of Seqdrop in AWS. Name it with --stack, or once in the environment variable SEQDROP_STACK.
If neither names one, a command uses the demo on this machine (the embedded AWS that `make demo KEEP=1` left running).

To complete commands and options with the Tab key, add a line to the start-up file of your shell:

  bash, in ~/.bashrc:                   eval "$(seqdrop completion bash)"
  zsh, in ~/.zshrc, after compinit:     eval "$(seqdrop completion zsh)"
  fish, in ~/.config/fish/config.fish:  seqdrop completion fish | source
"""


def build_parser(called: Container[str]) -> Parser:
    """Return the parser of the whole command line.

    Only commands whose names are in `called` get their arguments, because that imports their modules. The others have
    only their line in `seqdrop --help`.
    """
    top = Parser(prog="seqdrop", description=DESCRIPTION, epilog=format_examples(EXAMPLES))
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for name, entry in COMMANDS.items():
        if isinstance(entry, Group):
            _add_group(commands, name, entry, called)
        else:
            parser = commands.add_parser(name, help=entry)
            if name in called:
                load_command(name).configure(parser)
    return top


def _add_group(commands: _SubParsersAction[Parser], name: str, group: Group, called: Container[str]) -> None:
    summary = group.summary
    parser = commands.add_parser(
        name, help=summary, description=_sentence(summary), epilog=format_examples(group.examples)
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for verb, text in group.verbs.items():
        verb_parser = verbs.add_parser(verb, help=text)
        if name in called and verb in called:
            load_command(name, verb).configure(verb_parser)


def load_command(name: str, verb: str = "") -> Command[object]:
    """Import the module of a command and return the command, or one verb of a group."""
    module = import_module(f"seqdrop_cli.commands.{name.replace('-', '_')}")
    command = module.VERBS[verb] if verb else module.COMMAND
    if not isinstance(command, Command):
        raise TypeError(f"{module.__name__} has no command {verb}")
    return command


def command_paths() -> list[tuple[str, ...]]:
    """Return the words of every command, such as ("status",) and ("models", "push")."""
    return [
        path
        for name, entry in COMMANDS.items()
        for path in ([(name, verb) for verb in entry.verbs] if isinstance(entry, Group) else [(name,)])
    ]


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
