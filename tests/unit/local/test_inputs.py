"""The name of the output of each input object."""

import pytest

from local.sagemaker.inputs import _relative


@pytest.mark.parametrize(
    ("key", "prefix", "relative"),
    [
        ("in/a.txt", "in/", "a.txt"),
        ("in/sub/a.txt", "in/", "sub/a.txt"),
        ("in/sub/a.txt", "in", "sub/a.txt"),
        ("a.txt", "", "a.txt"),
        ("in/a.txt", "in/a.txt", "a.txt"),
        ("in/part-0001", "in/part", "part-0001"),
        ("inner/a.txt", "in", "inner/a.txt"),
    ],
)
def test_an_output_is_named_below_the_folder_of_the_prefix(key, prefix, relative):
    assert _relative(key, prefix) == relative
