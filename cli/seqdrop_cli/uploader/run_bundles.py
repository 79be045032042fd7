"""The bundles of one run folder as the uploader sends them: which files are bundled, and under which keys."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seqdrop.runs.bundle_policy import is_small, join
from seqdrop.runs.names import is_notable, is_sent_early, is_sent_last

from seqdrop_cli.uploader.disk import DiskFolder
from seqdrop_cli.uploader.records import Item
from seqdrop_cli.uploader.run_folders import folder_name

if TYPE_CHECKING:
    from seqdrop.runs.bundle_policy import Bundle
    from seqdrop.runs.files import RunFile

    from seqdrop_cli.uploader.bundling import BundleSpool, Packed
    from seqdrop_cli.uploader.plan import Unit


@dataclass
class RunBundles:
    """The bundles of one run folder at `path`, whose keys begin with `prefix`."""

    path: Path
    prefix: str
    spool: BundleSpool

    def offer(self, packed: Packed) -> Unit:
        """Return a bundle as a unit of the uploader: the tar, then its index."""
        keys, paths = self.keys(packed), (packed.tar, packed.index)
        pairs = zip(keys, paths, strict=True)
        return tuple(Item(str(path), key, path.stat().st_size, self.prefix) for key, path in pairs)

    def keys(self, packed: Packed) -> tuple[str, str]:
        """Return the keys of a bundle's tar and index."""
        return keys_of(self.prefix, packed)

    def note(self, key: str) -> None:
        """Delete the tar of a bundle if `key` is that of its index, which S3 has received after the tar."""
        for packed in self.spool.unsent:
            if self.keys(packed)[1] == key:
                self.spool.finish(packed)

    def pack(self, bundle: Bundle) -> tuple[Packed | None, list[str]]:
        """Pack a bundle; return it, and the names below the run of files that changed meanwhile and are left out."""
        packed, changed = self.spool.pack(bundle, DiskFolder(self.path / bundle.folder))
        return packed, [join(bundle.folder, name) for name in changed]


def keys_of(prefix: str, packed: Packed) -> tuple[str, str]:
    """Return the keys of tar and index of a bundle, in a run whose keys begin with `prefix`."""
    folder = prefix + packed.folder + "/" * bool(packed.folder)
    return folder + packed.tar.name, folder + packed.index.name


def stays_alone(name: str) -> bool:
    """Return True for a file of a run that is never bundled: a rule or a person reads it by itself."""
    return is_notable(name) or is_sent_early(name) or is_sent_last(name)


def may_be_bundled(file: RunFile) -> bool:
    """Return True for a file that a bundle may have, with enough others."""
    return is_small(file) and not stays_alone(file.name)


def spool_folder(state: Path, bucket: str) -> Path:
    """Return the folder of the spools for a bucket, beside the state file."""
    return state.with_name(f"{state.name}.bundles") / bucket


def name_spool(run: Path) -> str:
    """Return the name of a run folder's spool; it differs for two folders of one name."""
    resolved = run.resolve()
    return f"{folder_name(resolved)}-{hashlib.sha256(os.fsencode(resolved)).hexdigest()[:8]}"


def run_folder(item: Item) -> Path:
    """Return the run folder on disk: the key below the prefix is the path below the folder."""
    return Path(item.path).parents[item.key.removeprefix(item.group).count("/")]
