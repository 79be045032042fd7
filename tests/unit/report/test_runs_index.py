"""The index of all runs."""

from seqdrop.report.runs_index import MOST, RunRow, render_index

from tests.support.html_checks import check_page

PASSED = {"pass": 3, "warn": 0, "fail": 0}


def row(name: str, changed_at: str = "2026-01-05T08:00:00.000Z", **more) -> RunRow:
    return RunRow(name, "runs", more.pop("state", "ARCHIVED"), "Illumina NovaSeq X", changed_at, PASSED, **more)


def test_runs_are_listed_with_the_last_change_first_and_link_to_their_pages():
    page = check_page(render_index([row("early"), row("late run", "2026-01-06T08:00:00.000Z")]))
    assert [attributes["href"] for attributes in page.all("a")] == ["runs/late%20run/run.html", "runs/early/run.html"]
    assert "2 runs: 0 still growing, 0 with something that failed." in page.text


def test_the_worst_of_a_run_is_its_verdict():
    assert row("a").verdict == "pass"
    assert row("a", rejected=1).verdict == row("a", state="FAILED").verdict == "fail"
    assert RunRow("a", "runs", "COPYING", "", "", {}).verdict == ""


def test_very_many_runs_are_a_page_of_at_most_3_mb():
    html = render_index([row(f"run{number}") for number in range(MOST + 1)])
    assert len(html.encode()) <= 3_000_000
    assert "`seqdrop runs` lists all" in check_page(html).text
    assert "1 run:" in check_page(render_index([row("only")])).text
