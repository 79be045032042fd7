"""The model of a finished training: a candidate, which becomes the current model by itself only if the lab permits it.

A dropped job.toml gives no part of that permission. Its three parts are the stack parameter TrainingPromotes, without
which the role of this function may not write the pointer of a model; `promotes` in analyses.toml; and the gate.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from seqdrop.aws import keys
from seqdrop.models import pointers
from seqdrop.models.archives import ModelArchive
from seqdrop.models.pointers import GATE, PointerMovedError
from seqdrop.models.promotion import Bar, Candidate, Verdict, find_refusals, judge
from seqdrop.models.registry import Card, Version, candidate_of, register, target_of
from seqdrop.runtime.services import Services, now
from seqdrop.training.jobfile import DNABERT

if TYPE_CHECKING:
    from seqdrop.aws.server_copy import Source
    from seqdrop.models.pointers import Reading
    from seqdrop.training.request import Order

ATTEMPTS = 5  # judgements, each with the pointer read again, before the message is tried again


@dataclass(frozen=True)
class Trained:
    """A model as its job left it.

    `source` is its archive, `facts` are those that the gate uses, and `card` is the card without a verdict.
    """

    source: Source
    order: Order
    version: Version
    facts: Candidate
    card: dict[str, object]


@dataclass(frozen=True)
class Registration:
    """A registered model: the gate's verdict, and whether the model is the current one."""

    version: Version
    verdict: Verdict
    current: bool

    @property
    def status(self) -> str:
        """What the model is now, as the end of a sentence."""
        return "is now the current model" if self.current else "is registered as a candidate"

    @property
    def command(self) -> str:
        """The command that compares the version with the current model and makes it the current one."""
        return f"seqdrop models promote {self.version.model} {self.version.version}"

    def as_dict(self) -> dict[str, object]:
        """Return the object as JSON, for summary.json."""
        return {
            "model": self.version.model,
            "version": self.version.version,
            "current": self.current,
            "why": self.verdict.why,
            "passed": self.verdict.passed,
            "promote": "" if self.current else f"{self.command} --yes",
        }


def register_candidate(services: Services, trained: Trained) -> Registration:
    """Register a model with the gate's verdict in its card, and make it the current one if that is permitted.

    A repeated call has the same result. Raise PointerMovedError if other writers moved the pointer ATTEMPTS times.
    """
    for _ in range(ATTEMPTS - 1):
        with suppress(PointerMovedError):
            return _register(services, trained)
    return _register(services, trained)


def _register(services: Services, trained: Trained) -> Registration:
    s3, bucket, version = services.s3, services.settings.models, trained.version
    reading = pointers.load(s3, bucket, keys.model_pointer(version.model))
    verdict = _judge(services, trained, reading)
    card = {**trained.card, "gate": {"passed": verdict.passed, "why": verdict.why}}
    card["etag"] = register(s3, trained.source, bucket, version, card)
    is_current = pointers.is_current(reading.content, str(card["digest"]))
    if not is_current and verdict.passed and may_promote(services, version.model):
        pointers.move(s3, bucket, reading, target_of(version, cast("Card", card), GATE, now()))
        is_current = True
    return Registration(version, verdict, is_current)


def may_promote(services: Services, model: str) -> bool:
    """Return True if a trained model of this name may become the current one without a person."""
    return services.settings.training_promotes == "true" and services.analyses.promotion_of(model).promotes


def make_bar(services: Services, order: Order) -> Bar:
    """Return the bar of a model: that of the lab, or that of job.toml if it is higher."""
    lab, own = services.analyses.promotion_of(order.model), order.job.gate
    if order.job.model == DNABERT:
        return Bar(max(lab.min_mcc, own.min_mcc), lab.any_test)
    return Bar(max(lab.min_q3, own.min_q3), lab.any_test)


def _judge(services: Services, trained: Trained, reading: Reading) -> Verdict:
    """Return the verdict of the gate, and of the analyses whose jobs would use the model.

    If the model is the current one already, an earlier delivery of the message, or a person, has promoted it.
    """
    digest, version, current = str(trained.card["digest"]), trained.version, reading.current
    if current and pointers.is_current(reading.content, digest):
        return Verdict(True, current.get("why") or "it is the current model already")
    verdict = judge(trained.facts, candidate_of(current), make_bar(services, trained.order))
    archive = ModelArchive(version.model, version.key, digest, trained.facts.labels)
    refusals = find_refusals(archive, services.analyses.using(version.model)) if verdict.passed else []
    return Verdict(False, f"{verdict.why}, but {refusals[0]}") if refusals else verdict
