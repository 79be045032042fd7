"""The demo counts calls as calls.bed does, where neighbouring called windows are one call."""

from types import SimpleNamespace

from local import demo_outcomes


def test_the_table_of_the_demo_has_the_calls_of_calls_bed(monkeypatch):
    counts = {"windows": 300, "scored": 299, "calls": 19, "not_scored": {"too_many_n": 1}}
    summary = {"counts": counts, "calls": {"windows": 19, "kept": 14}}
    monkeypatch.setattr(demo_outcomes, "read_json", lambda _, name: summary if name == "summary.json" else {})
    upload = SimpleNamespace(state="ARCHIVED", detail="")
    assert demo_outcomes._describe_results(upload, []) == "300 windows, 14 calls, 1 not scored"
    del summary["calls"]["kept"]  # reads have no tracks
    assert demo_outcomes._describe_results(upload, []) == "300 windows, 19 windows called, 1 not scored"
