"""Where the state file is, unless the user names one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seqdrop_cli.target import Target


def default_path(environment: Mapping[str, str], platform: str = sys.platform) -> Path:
    """Return the place of the state file: `%LOCALAPPDATA%`, or XDG_STATE_HOME, or `~/.local/state`."""
    if platform == "win32":
        base = environment.get("LOCALAPPDATA") or str(Path.home() / "AppData/Local")
    else:
        base = environment.get("XDG_STATE_HOME") or str(Path.home() / ".local/state")
    return Path(base) / "seqdrop" / "uploads.sqlite3"


def find_state(target: Target, environment: Mapping[str, str]) -> Path:
    """Return the state file of a stack: that of the user, or for the embedded AWS one beside the stack file."""
    from seqdrop_cli.target import EMBEDDED_STATE, find_stack_file

    stack_file = find_stack_file(Path.cwd()) if target.endpoint else None
    return stack_file.with_name(EMBEDDED_STATE) if stack_file else default_path(environment)
