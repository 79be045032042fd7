"""OverrideCycles in both forms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.runs.sheets.cycles import parse_override

READS = {"R1": 151, "I1": 8, "I2": 10, "R2": 151}


def test_both_forms_mean_the_same():
    expected = {"R1": {"Y": 151}, "I1": {"I": 6, "N": 2}, "I2": {"U": 10}, "R2": {"N": 1, "Y": 150}}
    assert parse_override("Y151;I6N2;U10;N1Y150", READS) == expected
    assert parse_override("R2:NY150;I2:U10;R1:Y151;I1:I6N2", READS) == expected
    assert parse_override("Y*;I*N2;U*;N1Y*;", READS) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Y151;I8;I10", "3 parts, but the run has 4 reads"),
        ("R1:Y151;I1:I8;I2:I10;I2:I10", "parts, but the run has"),
        ("R1:Y151;I8;I10;Y151", "some of its parts name a read"),
        ("Y151;I8;I10;Z151", "'Z151' must be letters"),
        ("Y151;;I10;Y151", "'' must be letters"),
        ("Y151;8I;I10;Y151", "'8I' must be letters"),
        ("Y151,I8;I10;Y151;x", "must be letters"),
    ],
)
def test_other_texts_are_refused(text, words):
    with pytest.raises(ValueError, match=words):
        parse_override(text, READS)


@given(st.dictionaries(st.sampled_from(["R1", "I1", "I2", "R2"]), st.lists(
    st.tuples(st.sampled_from("YIUN"), st.integers(1, 300)), min_size=1, max_size=4), min_size=1))  # fmt: skip
def test_cycles_are_counted_by_letter(parts):
    totals = {read: sum(count for _, count in items) for read, items in parts.items()}
    values = {read: "".join(f"{letter}{count}" for letter, count in items) for read, items in parts.items()}
    expected = {
        read: {letter: sum(n for other, n in items if other == letter) for letter, _ in items}
        for read, items in parts.items()
    }
    assert parse_override(";".join(values.values()), totals) == expected
    assert parse_override(";".join(f"{read}:{value}" for read, value in values.items()), totals) == expected


@given(st.text("YIUNRI12:;*0 9,", max_size=20))
def test_any_text_is_read_or_refused(text):
    try:
        cycles = parse_override(text, READS)
    except ValueError:
        return
    assert set(cycles) == set(READS)
