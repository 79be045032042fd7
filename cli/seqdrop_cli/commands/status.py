"""`seqdrop status`: the state of every upload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop_cli.command import Command, StackOptions, add_stack
from seqdrop_cli.console import is_terminal, note, say
from seqdrop_cli.parsing import Example

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop_cli.progress import Progress
    from seqdrop_cli.target import Target

TEXT = """\
Show the state of every upload; unfinished uploads come first.

On a terminal, the output is a table. In a pipe or a file, each upload is one line of three fields, separated by tabs:
upload id, state, landing key. Lines are not wrapped or shortened, so you can use grep and cut.
"""
EXAMPLES = (
    Example("seqdrop status --stack seqdrop", "a table"),
    Example("seqdrop status | grep S1_L001_R1", "the uploads whose key contains a name"),
    Example("seqdrop status | cut -f 2 | sort | uniq -c", "how many uploads are in each state"),
)
AFTER_FAILURE = (
    "Once the cause is repaired, `seqdrop replay --state FAILED` shows which uploads can be\n"
    "replayed. `seqdrop release UPLOAD` archives a file without predictions."
)


def run(options: StackOptions) -> int:
    """Print the uploads; return 0."""
    from seqdrop_cli.target import find_target

    target = find_target(options)
    uploads = list(_read_uploads(target))
    if is_terminal():
        from rich.console import Console

        from seqdrop_cli.upload_table import UploadTable

        Console().print(UploadTable(uploads, with_ids=True))
    else:
        for upload in uploads:
            say(f"{upload.upload_id}\t{upload.state}\t{upload.key}")
    if failed := sum(upload.state == "FAILED" for upload in uploads):
        count = "1 upload has" if failed == 1 else f"{failed} uploads have"
        note(f"{count} a failed attempt. {AFTER_FAILURE}")
    _warn_of_mails(target)
    return 0


def _warn_of_mails(target: Target) -> None:
    """Say which subscriptions are not confirmed: rejections and alarms do not reach those addresses."""
    from seqdrop_cli.subscriptions import ADVICE, find_pending

    for sentence in find_pending(target):
        note(f"Mails of this stack: {sentence}. What to do: {ADVICE}.")


def _read_uploads(target: Target) -> Iterator[Progress]:
    from seqdrop.ledger.moves import ENDS, MOVES, UPLOAD

    from seqdrop_cli.progress import read_progress

    ledger = target.ledger()
    states = {move.target for move in MOVES if move.kind == UPLOAD}
    for state in sorted(states, key=lambda state: (state in ENDS[UPLOAD], state)):
        for upload in ledger.in_state(UPLOAD, state):
            yield read_progress(ledger, upload.id, upload.key, upload.size)


COMMAND = Command(StackOptions, add_stack, run, TEXT, EXAMPLES)
