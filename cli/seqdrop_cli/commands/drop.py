"""`seqdrop drop`: the earlier name of `seqdrop upload`, with the same arguments."""

from __future__ import annotations

from seqdrop_cli.command import Command
from seqdrop_cli.commands.upload import run
from seqdrop_cli.parsing import Example
from seqdrop_cli.uploader.arguments import UploadOptions, add_arguments

TEXT = """\
Upload files, or all files of folders, to the landing bucket, and print the upload id and the address of each. This is
`seqdrop upload` under its earlier name: sequences go to raw/, unless --to or --prefix asks for a model, and run folders
go to runs/. After an interruption, the same command sends the rest.

A file that was sent, or that the archive has, with the same landing key, size and SHA-256, is not uploaded, unless you
use --again.

With --watch, show the progress until every file is archived or rejected, or waits for a file that was not dropped. The
exit status is then 1 unless all files are archived, or were before. After Ctrl-C the pipeline still processes the files
that were uploaded.
"""
EXAMPLES = (
    Example("seqdrop drop run7/ --to auto --watch", "the format of each file decides which model predicts"),
    Example("seqdrop drop S1_R1.fastq.gz S1_R2.fastq.gz", "checked and archived in raw/, without predictions"),
    Example("seqdrop drop genome.fa --to contigs --stack seqdrop --region eu-west-1", "to a stack in your AWS account"),
)
COMMAND = Command(UploadOptions, add_arguments, run, TEXT, EXAMPLES)
