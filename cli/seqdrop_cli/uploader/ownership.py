"""The processes that share a state file: each has a lock on a file of its own, which its death releases.

After `kill -9` or a reboot, a process id or the time of the last sign of life could mean anything. The operating system
knows: it releases the locks of a process that ends in any way.
"""

from __future__ import annotations

import os
import sys
import uuid
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def try_lock(file: IO[bytes]) -> None:
        """Lock an open file until it is closed. Raise OSError if another process has the lock."""
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def try_lock(file: IO[bytes]) -> None:
        """Lock an open file until it is closed. Raise OSError if another process has the lock."""
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Ownership:
    """The name of this process among those that share a state file, valid until `close` or the end of the process."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.name = f"{os.getpid()}-{uuid.uuid4().hex}"
        self._folder = folder
        self._file = (folder / self.name).open("wb")
        try_lock(self._file)

    def is_alive(self, owner: str) -> bool:
        """Return True if the process with this name still runs. The file of a dead one is removed."""
        if owner == self.name:
            return True
        path = self._folder / owner
        try:
            with path.open("r+b") as file:
                try_lock(file)
        except FileNotFoundError:
            return False
        except OSError:  # another process has the lock
            return True
        path.unlink(missing_ok=True)
        return False

    def close(self) -> None:
        """Release the name: what this process was sending may be taken over by another one."""
        self._file.close()
        (self._folder / self.name).unlink(missing_ok=True)
