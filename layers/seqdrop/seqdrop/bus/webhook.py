"""The bodies of webhooks, and their signature.

EventBridge writes the body of a request from the event's JSON, in a form that it does not specify. Therefore not the
bytes are signed but the canonical form of the JSON (RFC 8785): names sorted, no spaces, numbers that are integers.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seqdrop.bus.details import Detail

SOURCE: Final = "seqdrop.webhook"
JSON, SLACK, TEAMS = "json", "slack", "teams"
# What people want to read in a chat. Programs get all types.
CHAT: Final = frozenset(
    {"upload.rejected", "upload.restored", "run.complete", "run.failed", "job.failed", "model.candidate"}
)
SENTENCES: Final[dict[str, str]] = {
    "upload.rejected": "Upload {upload} of {analysis} was rejected: {reason}",
    "upload.restored": "The restore {request} is back: {files} files, readable until {until}",
    "run.complete": "Run {run} is complete: {files} files, {samples} samples, {missing_samples} missing",
    "run.failed": "Run {run} failed: its instrument reports it, and its files wait for a person",
    "job.failed": "The {task} job {job} of {analysis} failed",
    "model.candidate": "A model of {model} was trained: {model_version}. {verdict}",
}


def wants(form: str, type_: str) -> bool:
    """Return True if a webhook of this form gets events of a type."""
    return form == JSON or type_ in CHAT


def make_webhook(form: str, detail: Detail, secret: str) -> Detail:
    """Return the detail of the event that carries a webhook: its body, and its signature if there is a secret."""
    body = SHAPES[form](detail)
    return {
        "id": detail["id"],
        "type": detail["type"],
        "body": body,
        "signature": sign(secret, detail["occurred_at"], body),
    }


def sign(secret: str, time: str, body: Mapping[str, object]) -> str:
    """Return `t=<seconds since 1970>,v1=<HMAC-SHA256>` of the time and the canonical body; "none" without a secret."""
    if not secret:
        return "none"
    seconds = int(datetime.fromisoformat(time).timestamp())
    digest = hmac.new(secret.encode(), f"{seconds}.{canonical(body)}".encode(), hashlib.sha256).hexdigest()
    return f"t={seconds},v1={digest}"


def canonical(body: Mapping[str, object]) -> str:
    """Return JSON as RFC 8785 writes it. The body has no fractions, whose form would depend on the language."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def make_text(detail: Detail) -> str:
    """Return the sentence of an event for a chat."""
    sentence = SENTENCES[detail["type"]].format_map(_Shown(detail))
    lims_ids = ", ".join(detail.get("lims_ids", ())[:20])
    named = detail.get("folder") or detail.get("key") or ""
    return " · ".join(part for part in (sentence, named, lims_ids and f"LIMS {lims_ids}") if part)


class _Shown(dict[str, Any]):
    """The fields of a detail; those that are left out are 0 or unknown."""

    def __missing__(self, name: str) -> str:
        return "0" if name in ("files", "samples", "missing_samples") else "unknown"


def _shape_slack(detail: Detail) -> Detail:
    """Return a message of an incoming webhook: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks."""
    text = make_text(detail)
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(character, entity)
    return {"text": text}


def _shape_teams(detail: Detail) -> Detail:
    """Return a message of a workflow "When a Teams webhook request is received": an adaptive card."""
    facts = [{"title": "event", "value": detail["id"]}, {"title": "time", "value": detail["occurred_at"]}]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            {"type": "TextBlock", "text": make_text(detail), "wrap": True},
            {"type": "FactSet", "facts": facts},
        ],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


SHAPES: Final[dict[str, Callable[[Detail], Detail]]] = {JSON: dict, SLACK: _shape_slack, TEAMS: _shape_teams}
