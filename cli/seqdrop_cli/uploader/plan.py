"""The files to send, with their keys, in the order in which they may be sent. Folders are read when they are needed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seqdrop_cli.uploader.listing import LeftOut, Listing, Run, Selection, list_folder
from seqdrop_cli.uploader.placement import RAW, Place, Placement, is_companion
from seqdrop_cli.uploader.records import Item
from seqdrop_cli.uploader.run_folders import (
    Order,
    find_cell_parent,
    find_run_above,
    folder_name,
    has_cells,
    is_run,
    key_below,
    order_of,
    runs_prefix,
)
from seqdrop_cli.uploader.sets import name_set

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Unit = tuple[Item, ...]


@dataclass
class Plan:
    """What is sent from some paths. Iterate over `early`, `usual` and `last`, in this order; a second time is allowed.

    `is_run` takes each path for a run folder, whatever is in it; a placement that asks for an analysis takes none for
    one. `left_out` and `notes` (changes of the prefix, by reason) are complete after `usual`.
    """

    paths: list[Path]
    placement: Placement
    selection: Selection = field(default_factory=Selection)
    is_run: bool = False
    left_out: LeftOut = field(default_factory=LeftOut)
    notes: Counter[str] = field(default_factory=Counter)
    _last: list[tuple[Listing, str]] = field(default_factory=list)
    _prefixes: dict[Path, set[str]] = field(default_factory=dict)

    def units(self) -> Iterator[Unit]:
        """Yield everything in the order in which it may be sent."""
        yield from self.early()
        yield from self.usual()
        yield from self.last()

    def early(self) -> Iterator[Unit]:
        """Yield the files of runs that a lab needs while the instrument still writes: RunInfo, sheets, InterOp."""
        for listing in self._listings():
            if listing.run:
                yield from ((item,) for item in self._of_run(listing, Order.EARLY))

    def usual(self) -> Iterator[Unit]:
        """Yield the files that may be sent in any order, those that belong together in one unit."""
        self.left_out, self.notes, self._last, self._prefixes = LeftOut(), Counter(), [], {}
        for listing in self._listings():
            if listing.run:
                yield from ((item,) for item in self._of_run(listing, Order.USUAL))
                self._last += [(listing, name) for name in listing.names if self._order(listing, name) == Order.LAST]
            else:
                yield from _join_sets(list(self._of_no_run(listing)))

    def last(self) -> Iterator[Unit]:
        """Yield the markers, those of inner folders first. Each tells the pipeline that the files below are there."""
        depths = sorted(self._last, key=lambda entry: -len(entry[0].folder.parts))
        for listing, name in depths:
            path = listing.folder / name
            for key in self._marker_keys(listing, path):
                yield (self._item(path, key, listing),)

    def _marker_keys(self, listing: Listing, path: Path) -> list[str]:
        """Return the keys of a marker: one for each prefix to which files of its folder, or of folders below it, go."""
        if listing.run:
            return [key_below(listing.run.prefix, listing.run.folder, path)]
        below = [self._prefixes[folder] for folder in self._prefixes if listing.folder in (folder, *folder.parents)]
        prefixes = set().union(*below) or {self.placement.prefix or RAW}
        if self._layout_prefix(listing, path):
            return [key_below("", listing.root, path)]
        return [self._key(listing, path, prefix) for prefix in sorted(prefixes)]

    def _of_run(self, listing: Listing, order: Order) -> Iterator[Item]:
        for name in listing.names:
            if self._order(listing, name) == order:
                path = listing.folder / name
                prefix, folder = (listing.run.prefix, listing.run.folder) if listing.run else ("", listing.root)
                yield self._item(path, key_below(prefix, folder, path), listing)

    def _order(self, listing: Listing, name: str) -> Order:
        folder = listing.run.folder if listing.run else listing.root
        return order_of(key_below("", folder, listing.folder / name))

    def _of_no_run(self, listing: Listing) -> Iterator[Item]:
        for name in listing.names:
            path = listing.folder / name
            layout = self._layout_prefix(listing, path)
            if is_companion(name) and not (name == "job.toml" and self._is_training(layout)):
                self._last.append((listing, name))
                continue
            place = self._place(path, layout)
            if not place.prefix:
                self.left_out.add(path, place.reason)
                continue
            if place.note:
                self.notes[f"{place.note}; they go to {place.prefix}"] += 1
            self._prefixes.setdefault(listing.folder, set()).add(place.prefix)
            kept = layout and place.prefix == layout
            key = key_below("", listing.root, path) if kept else self._key(listing, path, place.prefix)
            yield self._item(path, key, listing)

    def _place(self, path: Path, layout: str) -> Place:
        return (Placement(self.placement.analyses, layout) if layout else self.placement).place(path)

    def _is_training(self, layout: str) -> bool:
        analysis = self.placement.analyses.for_key(layout or self.placement.prefix)
        return analysis is not None and "training" in analysis.formats

    def _layout_prefix(self, listing: Listing, path: Path) -> str:
        """Return the prefix of a file in a folder that is laid out like the landing bucket (reads/…, training/…)."""
        if self.placement.prefix or listing.root == path:
            return ""
        analysis = self.placement.analyses.for_key(key_below("", listing.root, path))
        return analysis.prefix if analysis else ""

    def _key(self, listing: Listing, path: Path, prefix: str) -> str:
        if listing.root == path:
            return prefix + path.name
        return key_below(f"{prefix}{folder_name(listing.root.resolve())}/", listing.root, path)

    def _item(self, path: Path, key: str, listing: Listing) -> Item:
        """Return the item of a file. One that cannot be read is an item too: the upload of its folder is incomplete."""
        try:
            size = path.stat().st_size
        except OSError:
            size = 0
        is_last = bool(listing.run) and self._order(listing, path.name) == Order.LAST
        group = listing.run.prefix if listing.run else ""
        return Item(str(path), key, size, group, is_last or is_companion(path.name))

    def _listings(self) -> Iterator[Listing]:
        for path in self.paths:
            if not path.exists():
                raise FileNotFoundError(f"{path} does not exist; check the path")
            run = self._find_run(path)
            if path.is_file():
                path = path.resolve() if run else path
                yield Listing(path, path.parent, [path.name], run)
            else:
                yield from self._walk(path, path, run)

    def _find_run(self, path: Path) -> Run | None:
        """Return the run folder that a named path is in, or is by `is_run`."""
        if self.is_run and path.is_dir():
            return _run_at(path.resolve(), path)
        if self._asks_for_analysis:
            return None
        folder = find_run_above(path.resolve())
        if folder is None and path.is_dir():
            folder = find_cell_parent(path.resolve())
        return _run_at(folder, folder) if folder else None

    @property
    def _asks_for_analysis(self) -> bool:
        return bool(self.placement.prefix or self.placement.automatic)

    def _walk(self, root: Path, folder: Path, run: Run | None) -> Iterator[Listing]:
        folders, names = list_folder(folder)
        if run is None and not self._asks_for_analysis and (is_run(folders, names) or has_cells(folder)):
            run = _run_at(folder.resolve(), folder)
        if run and not folder.is_relative_to(run.folder):
            root = folder = folder.resolve()  # the run folder is above the path that was named
        taken = [name for name in names if self.selection.takes(key_below("", root, folder / name))]
        yield Listing(root, folder, taken, run)
        for name in folders:
            yield from self._walk(root, folder / name, run)


def _run_at(resolved: Path, folder: Path) -> Run:
    return Run(folder, f"{runs_prefix()}{folder_name(resolved)}/")


def _join_sets(items: list[Item]) -> Iterator[Unit]:
    """Yield the items of one folder: those of a set, such as mates, as one unit, its job.toml last."""
    units: dict[str, list[Item]] = {}
    for item in items:
        units.setdefault(name_set(item.key) or f"\0{item.key}", []).append(item)
    for unit in units.values():
        yield tuple(sorted(unit, key=lambda item: item.is_last))
