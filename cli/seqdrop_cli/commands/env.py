"""`seqdrop env`: print the environment of the functions, for `sam local invoke --env-vars`."""

from __future__ import annotations

import json

from seqdrop_cli.command import Command, StackOptions, add_stack
from seqdrop_cli.parsing import Example

TEXT = """\
Print the environment variables of a deployed stack's functions as JSON, for `sam local invoke --env-vars`. Each
function has its own, because some settings are only for the functions that use them.
"""
EXAMPLES = (
    Example("seqdrop env --stack seqdrop > env.json", "then `sam local invoke ValidateFunction --env-vars env.json`"),
)


def run(options: StackOptions) -> int:
    """Print the environment; return 0."""
    from seqdrop_cli.errors import StackNotFoundError
    from seqdrop_cli.target import find_target

    target = find_target(options)
    if target.endpoint:
        raise StackNotFoundError("`seqdrop env` needs a deployed stack; name one with --stack NAME or SEQDROP_STACK")
    print(json.dumps(target.environments(), indent=2))
    return 0


COMMAND = Command(StackOptions, add_stack, run, TEXT, EXAMPLES)
