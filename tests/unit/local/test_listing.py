"""The order of summaries, and their pages."""

import pytest

from local.sagemaker.errors import ValidationError
from local.sagemaker.listing import make_page, select

SUMMARIES = [{"ModelName": name, "CreationTime": moment} for moment, name in enumerate(["b", "Ab", "c"])]


def names(request: dict) -> list[str]:
    return [summary["ModelName"] for summary in select(SUMMARIES, request, "ModelName")]


def test_the_default_order_is_newest_first():
    assert names({}) == ["c", "Ab", "b"]
    assert names({"SortOrder": "Ascending"}) == ["b", "Ab", "c"]
    assert names({"SortBy": "Name", "SortOrder": "Ascending"}) == ["Ab", "b", "c"]
    assert names({"NameContains": "B"}) == ["Ab", "b"]


def test_pages_follow_each_other_until_the_last():
    first = make_page("Items", [1, 2, 3], {"MaxResults": 2})
    second = make_page("Items", [1, 2, 3], {"MaxResults": 2, "NextToken": first["NextToken"]})
    assert first["Items"] == [1, 2]
    assert second == {"Items": [3]}


def test_an_invalid_token_is_refused():
    with pytest.raises(ValidationError, match="NextToken"):
        make_page("Items", [], {"NextToken": "?"})
