"""Folders in memory from which bundles are packed, and Hypothesis strategies for their files."""

from __future__ import annotations

import io
from datetime import UTC, datetime

from hypothesis import strategies as st
from seqdrop.runs.bundle_index import explain_name
from seqdrop.runs.files import RunFile

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


class MemoryFolder:
    """A folder in memory. `on_open(name)` is called before a file is read, and may change the folder."""

    def __init__(self, contents: dict[str, bytes], times: dict[str, datetime] | None = None):
        self.contents = dict(contents)
        self.times = dict.fromkeys(contents, NOON) | (times or {})
        self.on_open = lambda name: None

    @property
    def files(self) -> list[RunFile]:
        return [self.look(name) for name in self.contents]

    def look(self, name: str) -> RunFile:
        if name not in self.contents:
            raise FileNotFoundError(name)
        return RunFile(name, len(self.contents[name]), self.times[name])

    def open(self, name: str) -> io.BytesIO:
        self.on_open(name)
        if name not in self.contents:
            raise FileNotFoundError(name)
        return io.BytesIO(self.contents[name])


PARTS = st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1, max_size=120)
NAMES = st.lists(PARTS, min_size=1, max_size=4).map("/".join).filter(lambda name: explain_name(name) is None)
SIZES = st.one_of(st.integers(0, 3), st.integers(510, 514), st.integers(0, 3000))
CONTENTS = SIZES.flatmap(lambda size: st.binary(min_size=size, max_size=size))
TIMES = st.datetimes(datetime(1960, 1, 1), datetime(2300, 1, 1), timezones=st.just(UTC))


@st.composite
def folders(draw) -> MemoryFolder:
    names = draw(st.lists(NAMES, min_size=1, max_size=6, unique=True))
    names = [name for name in names if not any(other.startswith(f"{name}/") for other in names)]
    return MemoryFolder({name: draw(CONTENTS) for name in names}, {name: draw(TIMES) for name in names})
