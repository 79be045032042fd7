"""`seqdrop upload`: send files and whole run folders to the landing bucket, and continue after any interruption."""

from __future__ import annotations

from seqdrop_cli.command import Command
from seqdrop_cli.parsing import Example
from seqdrop_cli.uploader.arguments import UploadOptions, add_arguments

TEXT = """\
Send files and folders to the landing bucket, and print the upload id and the address of each. A run folder, which is
recognised by its RunInfo.xml or the files that other instruments write, goes to runs/ with everything in it; its
markers are sent last. Other sequence files go to raw/, unless --to or --prefix asks for a model; index reads and
Undetermined reads never go to a model. Files that are neither are left out, with a line that says why. Hidden files are
left out.

What was sent is recorded on this machine. After Ctrl-C, a crash or a reboot, the same command sends the rest; parts of
large files are not sent twice. A file that was sent, or that the archive has, is not sent again, unless you use
--again. A file that changes while it is read is sent later, or left for the next command.

The exit status is 1 unless all files were sent. With --watch, show the progress until every file is archived or
rejected, or waits for a file that was not sent; the exit status is then 1 unless all files are archived, or were
before.
"""
EXAMPLES = (
    Example("seqdrop upload /data/runs/230415_A00123_0045_BHXXXX", "a whole run folder, to runs/"),
    Example("seqdrop upload run7/ --dry-run", "what would be sent where"),
    Example("seqdrop upload run7/ --limit 50M --min-age 60", "at most 50 MB a second; files that are done"),
    Example("seqdrop upload run7/ --json", "events for a program, one JSON object a line"),
)


def run(options: UploadOptions) -> int:
    """Send the files; return 0, or 1 unless all were sent."""
    from seqdrop_cli.uploader.command import run_upload

    return run_upload(options)


COMMAND = Command(UploadOptions, add_arguments, run, TEXT, EXAMPLES)
