"""What this machine has sent: a SQLite file, which several processes may use at the same time.

It must lie on a local disk: SQLite's write-ahead log does not work on network file systems.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from seqdrop_cli.errors import CommandError
from seqdrop_cli.uploader.ownership import Ownership
from seqdrop_cli.uploader.records import Claim, Identity, Part, Sent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VERSION = 1  # of the tables
PATIENCE = 60  # seconds to wait while another process writes
TABLES = """
CREATE TABLE file (
    bucket TEXT NOT NULL, key TEXT NOT NULL, path TEXT NOT NULL,
    size INTEGER NOT NULL, modified INTEGER NOT NULL, inode INTEGER NOT NULL,
    owner TEXT NOT NULL DEFAULT '', multipart TEXT NOT NULL DEFAULT '', part_size INTEGER NOT NULL DEFAULT 0,
    version TEXT NOT NULL DEFAULT '', etag TEXT NOT NULL DEFAULT '', crc32 TEXT NOT NULL DEFAULT '',
    sha256 TEXT NOT NULL DEFAULT '', finished_at REAL NOT NULL DEFAULT 0,
    PRIMARY KEY (bucket, key)
) WITHOUT ROWID;
CREATE TABLE part (
    bucket TEXT NOT NULL, key TEXT NOT NULL, number INTEGER NOT NULL,
    size INTEGER NOT NULL, crc32 TEXT NOT NULL, etag TEXT NOT NULL,
    PRIMARY KEY (bucket, key, number)
) WITHOUT ROWID;
"""


class StateError(CommandError):
    """The state file cannot be read or written. Nothing that was sent is lost."""


class UploadState:
    """The state file at `path`, which is made if there is none. Raise StateError if it is damaged or the disk is full.

    Every method is one transaction. Threads may share an object.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        try:
            self.ownership = Ownership(path.with_name(path.name + ".owners"))
        except OSError as error:
            raise StateError(f"the state of uploads cannot be written at {path} ({error}); {_ELSEWHERE}") from error
        with ExitStack() as opened:
            opened.callback(self.ownership.close)
            with self._explain():
                self._database = sqlite3.connect(path, PATIENCE, isolation_level=None, check_same_thread=False)
                opened.callback(self._database.close)
                self._prepare()
            opened.pop_all()

    def _prepare(self) -> None:
        self._use_log()
        self._database.execute("PRAGMA synchronous=NORMAL")
        with self._transaction() as database:
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version == 0:
                for statement in TABLES.split(";"):
                    database.execute(statement)
                database.execute(f"PRAGMA user_version={VERSION}")
        if version not in (0, VERSION):
            raise StateError(f"{self.path} was written by another version of seqdrop; name another file with --state")

    def _use_log(self) -> None:
        """Turn on the write-ahead log. SQLite does not wait here if another process makes the file right now."""
        for pause in (0.05, 0.2, 1.0, 5.0, 0.0):
            try:
                self._database.execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.OperationalError:
                if not pause:
                    raise
                time.sleep(pause)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._explain():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise

    @contextmanager
    def _explain(self) -> Iterator[None]:
        """Turn SQLite's errors into sentences that say what to do."""
        try:
            yield
        except sqlite3.OperationalError as error:
            raise StateError(f"{self.path} cannot be written ({error}); {_advise(error)}") from error
        except sqlite3.DatabaseError as error:
            raise StateError(
                f"{self.path} is damaged ({error}); move it away and repeat the command: S3 is asked for what it has"
            ) from error

    def claim(self, bucket: str, key: str, identity: Identity) -> Claim:
        """Return whether this process may send a file; if so, no other process may until `finish` or `release`."""
        with self._transaction() as database:
            row = database.execute(_FIND, (bucket, key)).fetchone()
            known = _Row(*row) if row else None
            if known and known.owner and self._is_another(known.owner):
                return Claim(is_busy=True)
            is_same = known is not None and known.identity == identity
            if known and is_same and known.version:
                return Claim(sent=known.sent)
            if known and is_same:
                database.execute("UPDATE file SET owner=? WHERE bucket=? AND key=?", (self._name, bucket, key))
                parts = database.execute(_PARTS, (bucket, key)).fetchall()
                return Claim(
                    is_retry=True,
                    multipart=known.multipart,
                    part_size=known.part_size,
                    parts={number: Part(number, *rest) for number, *rest in parts},
                )
            self._begin(database, bucket, key, identity)
            return Claim(
                has_changed=bool(known and known.version),
                abandoned=known.multipart if known and not known.version else "",
            )

    def _is_another(self, owner: str) -> bool:
        return owner != self._name and self.ownership.is_alive(owner)

    @property
    def _name(self) -> str:
        return self.ownership.name

    def _begin(self, database: sqlite3.Connection, bucket: str, key: str, identity: Identity) -> None:
        database.execute("DELETE FROM part WHERE bucket=? AND key=?", (bucket, key))
        values = (bucket, key, identity.path, identity.size, identity.modified, identity.inode, self._name)
        database.execute(
            "INSERT OR REPLACE INTO file (bucket, key, path, size, modified, inode, owner) VALUES (?,?,?,?,?,?,?)",
            values,
        )

    def find(self, bucket: str, key: str, identity: Identity) -> Sent | None:
        """Return what S3 has of a file as it is now; None if it was not sent, or has changed since."""
        with self._lock, self._explain():
            row = self._database.execute(_FIND, (bucket, key)).fetchone()
        known = _Row(*row) if row else None
        return known.sent if known and known.version and known.identity == identity else None

    def find_sent(self, bucket: str, key: str) -> Sent | None:
        """Return what S3 has under a key, whether or not the file has changed since; None if it was not sent."""
        with self._lock, self._explain():
            row = self._database.execute(_FIND, (bucket, key)).fetchone()
        known = _Row(*row) if row else None
        return known.sent if known and known.version else None

    def begin_parts(self, bucket: str, key: str, multipart: str, part_size: int) -> None:
        """Record the id of a multipart upload that has no parts yet, and the size of its parts in bytes."""
        with self._transaction() as database:
            database.execute("DELETE FROM part WHERE bucket=? AND key=?", (bucket, key))
            database.execute(
                "UPDATE file SET multipart=?, part_size=? WHERE bucket=? AND key=?", (multipart, part_size, bucket, key)
            )

    def add_part(self, bucket: str, key: str, part: Part) -> None:
        """Record a part that S3 has."""
        with self._transaction() as database:
            database.execute(
                "INSERT OR REPLACE INTO part VALUES (?,?,?,?,?,?)",
                (bucket, key, part.number, part.size, part.crc32, part.etag),
            )

    def finish(self, bucket: str, key: str, sent: Sent) -> None:
        """Record that S3 has the whole file."""
        with self._transaction() as database:
            database.execute("DELETE FROM part WHERE bucket=? AND key=?", (bucket, key))
            database.execute(
                "UPDATE file SET owner='', multipart='', part_size=0, version=?, etag=?, crc32=?, sha256=?, "
                "finished_at=? WHERE bucket=? AND key=?",
                (sent.version, sent.etag, sent.crc32, sent.sha256, time.time(), bucket, key),
            )

    def release(self, bucket: str, key: str) -> None:
        """Let any process continue with a file; what was sent of it stays recorded."""
        with self._transaction() as database:
            database.execute("UPDATE file SET owner='' WHERE bucket=? AND key=?", (bucket, key))

    def forget(self, bucket: str, key: str) -> None:
        """Remove a file, so that it is sent as if it were new."""
        with self._transaction() as database:
            database.execute("DELETE FROM part WHERE bucket=? AND key=?", (bucket, key))
            database.execute("DELETE FROM file WHERE bucket=? AND key=?", (bucket, key))

    def sent_files(self, bucket: str) -> Iterator[tuple[str, Identity, Sent]]:
        """Yield key, identity and object version of the files that were sent to a bucket, in order of their keys."""
        after = ""
        while True:
            with self._lock, self._explain(), closing(self._database.cursor()) as cursor:
                rows = [_Row(*row) for row in cursor.execute(_FINISHED, (bucket, after))]
            for row in rows:
                yield row.key, row.identity, row.sent
            if not rows:
                return
            after = rows[-1].key

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and release what this process had claimed."""
        with self._lock:
            self._database.close()
        self.ownership.close()


_COLUMNS = "key, path, size, modified, inode, owner, multipart, part_size, version, etag, crc32, sha256"
_FIND = f"SELECT {_COLUMNS} FROM file WHERE bucket=? AND key=?"  # noqa: S608 # nosec B608 # constants only
_NEXT = "WHERE bucket=? AND key>? AND version<>'' ORDER BY key LIMIT 500"
_FINISHED = f"SELECT {_COLUMNS} FROM file {_NEXT}"  # noqa: S608 # nosec B608 # constants only
_PARTS = "SELECT number, size, crc32, etag FROM part WHERE bucket=? AND key=?"
_ELSEWHERE = "name a file on a local disk with --state"


def _advise(error: sqlite3.OperationalError) -> str:
    if "full" in str(error):
        return "the disk is full: free some space and repeat the command, which continues where it stopped"
    if "locked" in str(error):
        return f"another process has been writing for {PATIENCE} s: end it and repeat the command"
    return _ELSEWHERE


@dataclass(frozen=True)
class _Row:
    key: str
    path: str
    size: int
    modified: int
    inode: int
    owner: str
    multipart: str
    part_size: int
    version: str
    etag: str
    crc32: str
    sha256: str

    @property
    def identity(self) -> Identity:
        return Identity(self.path, self.size, self.modified, self.inode)

    @property
    def sent(self) -> Sent:
        return Sent(self.version, self.etag, self.crc32, self.sha256)
