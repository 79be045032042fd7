"""A run is not complete before its last marker and the grace time, in whatever order its files arrive."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqdrop.runs.completion import Known, judge
from seqdrop.runs.files import RunFile
from seqdrop.runs.names import gate_folders

from tests.support.examples import share
from tests.unit.runs.run_folders import FOLDERS, GRACE, HOUR, START, judge_files
from tests.unit.runs.test_analyses import REQUIRED, dragen

MINUTES = st.integers(min_value=0, max_value=9)


def arrivals(data, folder):
    """Return [(name, time)] in a drawn order: what is always first, then the others up to nine minutes apart."""
    others = [name for name in folder.all if name not in folder.first]
    order = folder.first + data.draw(st.permutations(others))
    times, now = [], START
    for name in order:
        now += timedelta(minutes=data.draw(MINUTES))
        times.append((name, now))
    return times


@pytest.mark.parametrize("folder", FOLDERS.values(), ids=FOLDERS)
@given(data=st.data())
@settings(max_examples=12)
def test_a_run_is_complete_only_after_its_last_required_file_and_never_later_than_its_grace(folder, data):
    order = arrivals(data, folder)
    there = {}
    for name, now in order:
        there[name] = now
        contents = {path: folder.all[path] for path in there}
        verdict = judge_files(folder.name, contents, now=now, times=there)
        if not set(folder.required) <= set(there):
            assert verdict.state != "COMPLETE"
            assert "" not in verdict.complete
            later = judge_files(folder.name, contents, now=now + GRACE, times=there)
            assert later.state != "COMPLETE"
    end = order[-1][1] + GRACE
    assert judge_files(folder.name, folder.all, now=end, times=there).state == "COMPLETE"


@given(order=st.permutations(list(dragen(1))), minutes=st.lists(MINUTES, min_size=6, max_size=6))
@settings(max_examples=share(60))
def test_an_analysis_is_complete_only_after_its_last_required_file(order, minutes):
    run, files = FOLDERS["NovaSeq X"], dragen(1)
    now, there = START, {}
    for name, pause in zip(order, minutes, strict=True):
        now += timedelta(minutes=pause)
        there[name] = now
        contents = {**run.all, **{path: files[path] for path in there}}
        verdict = judge_files(run.name, contents, now=now + GRACE, times=there)
        is_whole = {f"Analysis/1/{required}" for required in REQUIRED} <= set(there)
        assert verdict.analysis == is_whole
        assert ("Analysis/1" in verdict.complete) == is_whole
    markers = [there[f"Analysis/1/{marker}"] for marker in REQUIRED[:3]]
    early = judge_files(run.name, contents, now=max(markers) + GRACE - timedelta(seconds=1), times=there)
    assert early.analysis == 0


@pytest.mark.parametrize("folder", FOLDERS.values(), ids=FOLDERS)
@given(data=st.data())
@settings(max_examples=6)
def test_a_verdict_depends_on_the_set_of_files_and_not_on_their_order(folder, data):
    names = data.draw(st.lists(st.sampled_from(sorted(folder.all)), unique=True))
    files = [RunFile(name, 1, START + timedelta(minutes=data.draw(MINUTES))) for name in names]
    files += [RunFile(file.name.upper(), 2, file.modified) for file in files if data.draw(st.booleans())]
    reads = {name.lower(): body for name, body in folder.all.items()}
    listed = data.draw(st.none() | st.just(dict.fromkeys(names, 1)))
    now = START + timedelta(minutes=data.draw(st.integers(0, 4000)))
    first = judge(folder.name, files, lambda name: reads[name.lower()], now, Known(listed))
    assert (
        judge(folder.name, data.draw(st.permutations(files)), lambda name: reads[name.lower()], now, Known(listed))
        == first
    )


PARTS = "Analysis,1,2,..,,.,metadata,pod5,1_A01,L01,20250603_1201_1A_PAA11111_0000000a,x\n\t,ſß,{n},[a,*"
FILES = "Manifest.tsv,CopyComplete.txt,final_summary_FAX00000_a.txt,x.transferdone,RunUploaded.json"
PIECES = st.sampled_from([*PARTS.split(","), *FILES.split(",")])


@given(
    names=st.lists(st.lists(PIECES | st.text(max_size=3), min_size=1, max_size=12).map("/".join), max_size=12),
    body=st.binary(max_size=40),
    folder=st.sampled_from(["x", "", "r84028_20230214_022129", *[folder.name for folder in FOLDERS.values()]]),
)
@settings(max_examples=50)
def test_no_listing_breaks_a_verdict(names, body, folder):
    files = [RunFile(name, len(body), START) for name in names]
    verdict = judge(folder, files, lambda name: body, START + HOUR)
    assert verdict.missing_count >= len(verdict.missing)
    for name in names:
        folders = gate_folders(name)
        assert folders
        assert all(name.startswith(path) for path in folders)
