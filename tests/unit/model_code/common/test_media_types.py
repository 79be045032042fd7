"""Headers of requests, as clients and the inference toolkit send them."""

from __future__ import annotations

import pytest
from common.media_types import ANY, JSON, JSON_LINES, accepts, as_bytes, parse_media_type


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("application/jsonlines", JSON_LINES),
        ("Application/JSON; charset=utf-8", JSON),
        (" application/json ;q=1", JSON),
        ("", ""),
        (None, ""),
    ],
)
def test_a_type_is_read_without_its_parameters(header, kind):
    assert parse_media_type(header) == kind


@pytest.mark.parametrize("header", [None, "", ANY, JSON_LINES, "text/csv, application/JSONLINES;q=0.5", "text/csv,*/*"])
def test_a_client_accepts_an_offered_type(header):
    assert accepts(header, JSON_LINES)


@pytest.mark.parametrize("header", ["text/csv", JSON, "application/jsonlinesx"])
def test_a_client_does_not_accept_another_type(header):
    assert not accepts(header, JSON_LINES)


def test_a_body_of_any_type_becomes_bytes():
    assert as_bytes("é") == as_bytes("é".encode()) == as_bytes(bytearray("é".encode())) == "é".encode()
