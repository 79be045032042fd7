"""Pointers: two writers at the same moment lose nothing of the history."""

import json

import pytest
from botocore.exceptions import ClientError
from seqdrop.models import pointers
from seqdrop.models.pointers import PointerMovedError

KEY = "models/m/current.json"


def target(name: str) -> dict:
    return {"digest": name, "since": name}


def digests(s3) -> list[str]:
    content = pointers.read(s3, "models", KEY)
    return [entry["digest"] for entry in (content["current"], *content["history"])]


@pytest.fixture
def s3(services):
    return services.s3


def test_the_first_target_has_no_history(s3):
    assert pointers.load(s3, "models", KEY) == pointers.Reading(KEY, None, "")
    pointers.point(s3, "models", KEY, target("a"))
    assert pointers.read(s3, "models", KEY) == {"current": target("a"), "history": []}


@pytest.mark.parametrize("before", [[], ["a"], ["a", "b"]])
def test_of_two_writers_that_have_read_the_same_only_the_first_writes(s3, before):
    for name in before:
        pointers.point(s3, "models", KEY, target(name))
    first, second = (pointers.load(s3, "models", KEY) for _ in range(2))
    pointers.move(s3, "models", first, target("x"))
    with pytest.raises(PointerMovedError, match="changed by another writer") as raised:
        pointers.move(s3, "models", second, target("y"))
    assert raised.value.retryable
    assert digests(s3) == ["x", *reversed(before)]
    pointers.point(s3, "models", KEY, target("y"))
    assert digests(s3) == ["y", "x", *reversed(before)]


def test_a_pointer_that_was_deleted_meanwhile_is_not_written(s3):
    pointers.point(s3, "models", KEY, target("a"))
    reading = pointers.load(s3, "models", KEY)
    s3.delete_object(Bucket="models", Key=KEY)
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket="models", Key=KEY)
    with pytest.raises(PointerMovedError):
        pointers.move(s3, "models", reading, target("b"))


def test_a_repeated_request_whose_first_response_was_lost_succeeds(s3):
    pointers.point(s3, "models", KEY, target("a"))
    reading = pointers.load(s3, "models", KEY)
    pointers.move(s3, "models", reading, target("b"))
    pointers.move(s3, "models", reading, target("b"))
    assert digests(s3) == ["b", "a"]


def test_a_push_during_pushes_keeps_every_entry(s3, monkeypatch):
    """Each of three writers is overtaken by the next between its reading and its write."""
    load, names = pointers.load, ["b", "c"]

    def load_slowly(*arguments):
        reading = load(*arguments)
        if names:
            pointers.point(s3, "models", KEY, target(names.pop(0)))
        return reading

    monkeypatch.setattr(pointers, "load", load_slowly)
    pointers.point(s3, "models", KEY, target("a"))
    assert sorted(digests(s3)) == ["a", "b", "c"]
    assert digests(s3)[0] == "a"


def test_a_writer_that_is_always_late_gives_up(s3, monkeypatch):
    load, count = pointers.load, iter(range(1000))

    def load_slowly(*arguments):
        reading = load(*arguments)
        body = json.dumps({"current": target(str(next(count))), "history": []}).encode()
        s3.put_object(Bucket="models", Key=KEY, Body=body)
        return reading

    monkeypatch.setattr(pointers, "load", load_slowly)
    with pytest.raises(PointerMovedError):
        pointers.point(s3, "models", KEY, target("a"))
