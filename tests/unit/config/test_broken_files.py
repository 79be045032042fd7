"""Broken files and the messages about them: on the right line, with what is allowed, and as in the docs."""

import re

import pytest

from tests.unit.config.broken_files import PAGE, broken_files, page

ALL = [broken for form in ("analyses", "job") for broken in broken_files(form)]
HELP = re.compile(
    r"it must be |must have |did you mean |; each needs|needs quotes|only once|takes? |is for |missing: |: use |here: "
)


def test_the_number_of_files():
    assert len(broken_files("analyses")) == 30
    assert len(broken_files("job")) == 10


@pytest.mark.parametrize("broken", ALL, ids=lambda broken: f"{broken.form}-{broken.path.stem}")
def test_messages_name_the_wrong_lines_and_no_others(broken):
    marked = [number for number, line in broken.marked.items()]
    # Line 1 stands for the whole file.
    expected = {1 if not broken.marked[number] else number for number in marked}
    assert {fault.line for fault in broken.faults} == expected


@pytest.mark.parametrize("broken", ALL, ids=lambda broken: f"{broken.form}-{broken.path.stem}")
def test_each_message_names_the_key_and_what_is_allowed(broken):
    for fault in broken.faults:
        if not fault.message.startswith("this is not valid TOML: "):
            key = fault.message.split(" ", 1)[0].rsplit(".", 1)[-1]
            line = broken.marked.get(fault.line, "")
            assert key in line or "missing" in fault.message, fault
        assert HELP.search(fault.message), fault


def test_the_page_has_the_current_messages():
    text = PAGE.read_text()
    assert page(text) == text, "run: python -m tests.unit.config.broken_files"


def test_editors_miss_only_rules_across_settings():
    missed = {broken.path.stem[3:] for broken in ALL if not broken.is_refused_by_editors}
    assert missed == {
        "stride_over_window",
        "masked_both_strands",
        "same_prefix",
        "mates_of_fasta",
        "item_too_large",
        "promotion_without_a_model",
        "any_beside_a_format",
        "no_weights",
        "other_format",
        "one_file_for_two",
    }
