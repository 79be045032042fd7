"""Webhooks: the receiver of docs/events.md verifies them, and chats get messages of their shape."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from seqdrop.bus.webhook import CHAT, SENTENCES, canonical, make_text, make_webhook, wants

from tests.unit.stages.reconcile.publishing_world import World

SECRET = "a random text of at least 32 characters"
DETAIL = {
    "version": 1,
    "id": "A" * 26,
    "type": "run.complete",
    "occurred_at": "2026-12-01T19:02:11.048Z",
    "run": "B" * 26,
    "samples": 96,
    "folder": "runs/<é> & co/",
    "lims_ids": ["LIMS-1"],
}


@pytest.fixture(scope="module")
def verify(repository):
    page = (repository / "docs/events.md").read_text()
    names: dict = {}
    exec(re.search(r"<!-- receiver -->\n```python\n(.*?)```", page, re.DOTALL)[1], names)
    return names["verify"]


def test_the_receiver_of_the_page_verifies_any_form_of_the_json(verify):
    webhook = make_webhook("json", DETAIL, SECRET)
    assert webhook["signature"].startswith("t=1796151731,v1=")
    for options in ({}, {"indent": 3}, {"ensure_ascii": False, "separators": (",", ":")}):
        body = dict(reversed(webhook["body"].items()))
        assert verify(json.dumps(body, **options).encode(), webhook["signature"], SECRET) == DETAIL


@pytest.mark.parametrize("what", ["body", "time", "digest", "secret", "none"])
def test_the_receiver_refuses_what_was_not_signed(verify, what):
    signature, secret = make_webhook("json", DETAIL, SECRET)["signature"], SECRET
    body = {**DETAIL, "samples": 95} if what == "body" else DETAIL
    signature = {
        "time": signature.replace("t=1", "t=2"),
        "digest": signature[:-1] + ("0" if signature[-1] != "0" else "1"),
        "none": "none",
    }.get(what, signature)
    with pytest.raises(ValueError, match="signature"):
        verify(json.dumps(body).encode(), signature, "another" if what == "secret" else secret)


def test_the_canonical_form_is_that_of_rfc_8785():
    """The examples of its section 3.2 that have no fractions."""
    assert canonical({"b": [1, True, None], "a": '\u20ac$\u000f\nA\'B"\\\\"/'}) == (
        '{"a":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/","b":[1,true,null]}'
    )


def test_chats_get_what_people_read_and_programs_get_all():
    assert set(SENTENCES) == CHAT
    assert wants("json", "upload.archived")
    assert not wants("slack", "upload.archived")
    assert wants("teams", "run.failed")


@pytest.mark.parametrize("type_", sorted(CHAT))
def test_a_sentence_does_not_need_optional_fields(type_):
    text = make_text({"version": 1, "id": "A" * 26, "type": type_, "occurred_at": "2026-12-01T19:02:11.048Z"})
    assert text
    assert "{" not in text


def test_slack_gets_a_text_in_which_nothing_is_markup():
    body = make_webhook("slack", DETAIL, "")["body"]
    assert list(body) == ["text"]
    assert "&lt;é&gt; &amp; co" in body["text"]
    assert "LIMS-1" in body["text"]


def test_teams_gets_an_adaptive_card():
    webhook = make_webhook("teams", DETAIL, "")
    (attachment,) = webhook["body"]["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert attachment["content"]["body"][0]["text"].startswith(f"Run {'B' * 26} is complete: 0 files, 96 samples")
    assert webhook["signature"] == "none"


def test_the_reconciler_sends_a_signed_event_beside_each(monkeypatch, verify):
    world, asked = World(5, monkeypatch), []

    class Secrets:
        def get_secret_value(self, SecretId: str) -> dict:  # noqa: N803
            asked.append(SecretId)
            return {"SecretString": SECRET}

    settings = replace(world.services.settings, webhook_format="json", webhook_secret="arn")
    world.services = replace(world.services, settings=settings, secrets=Secrets())
    world.reconcile()
    for _ in range(40):
        world.step()
    world.reconcile()
    webhooks = [event["detail"] for event in world.bus.archive if event["source"] == "seqdrop.webhook"]
    assert [each["body"] for each in webhooks] == world.bus.facts
    assert [verify(json.dumps(each["body"]).encode(), each["signature"], SECRET) for each in webhooks]
    assert asked == ["arn"]
