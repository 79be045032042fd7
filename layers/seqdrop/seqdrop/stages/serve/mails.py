"""Mails about endpoints. Each is stored in the endpoint's record with what it reports, and sent from there once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError

from seqdrop.runtime.log import logger

if TYPE_CHECKING:
    from seqdrop.ledger.endpoint_record import EndpointRecord
    from seqdrop.runtime.services import Services
    from seqdrop.sagemaker.endpoints import EndpointState
    from seqdrop.sagemaker.serving import Serving
    from seqdrop.stages.serve.planning import EndpointPlan

NOT_SENT = (ClientError, ConnectTimeoutError, EndpointConnectionError)
"""Errors after which SNS has certainly not accepted a mail."""


@dataclass(frozen=True)
class Mail:
    """A mail to the lab."""

    subject: str
    text: str

    def add_to(self, record: EndpointRecord) -> EndpointRecord:
        """Return a record that has this mail to be sent."""
        return replace(record, mail_subject=self.subject, mail_text=self.text)


def send_stored(services: Services, record: EndpointRecord) -> EndpointRecord:
    """Send the mail that a record has, if any; return the record without it, or as another invocation has left it.

    It is sent at most once. The mail is removed from the record before, which only one of two invocations succeeds in.
    A crash between the two steps loses the mail, but not what it reports, which `seqdrop endpoint list` shows. If SNS
    does not accept the mail, the record gets it back, and the error is raised.
    """
    if not record.mail_subject:
        return record
    cleared = replace(record, mail_subject="", mail_text="")
    if not services.ledger.save(cleared):
        return services.ledger.endpoint(record.name)  # the other one sends it
    try:
        services.notify(record.mail_subject, record.mail_text)
    except NOT_SENT:
        current = services.ledger.endpoint(record.name)
        services.ledger.save(Mail(record.mail_subject, record.mail_text).add_to(current))
        raise
    logger().info("mail about an endpoint sent", extra={"endpoint": record.name})
    return replace(cleared, revision=cleared.revision + 1)


def rollback_mail(plan: EndpointPlan, state: EndpointState, reason: str) -> Mail:
    """Return the mail that SageMaker has undone an update."""
    model = plan.archive.model
    return Mail(
        f"Seqdrop rolled back the endpoint {plan.name}",
        f"A new configuration of the endpoint {plan.name} was deployed and rolled back: {reason}\n\n"
        f"The endpoint serves requests with the earlier configuration {state.configuration}.\n"
        f"Rolled back: {plan.configuration}, with the archive {plan.archive.digest[:12]} of the model {model}.\n\n"
        "It is not tried again until the model's pointer or analyses.toml changes. Transform jobs still use the new "
        "archive; to return to the earlier one:\n"
        f"  seqdrop models rollback {model}\n"
        "To try the same archive again:\n"
        f"  seqdrop endpoint start {plan.serving.analysis.name}\n",
    )


def failure_mail(serving: Serving, reason: str) -> Mail:
    """Return the mail that SageMaker could not create an endpoint."""
    analysis = serving.analysis.name
    return Mail(
        f"Seqdrop could not create the endpoint {serving.name}",
        f"SageMaker could not create the endpoint {serving.name} of the analysis {analysis}: "
        f"{reason or 'it gave no reason'}\n\n"
        "The endpoint was deleted. It is not created again until the model's pointer or analyses.toml changes. Its log "
        f"is in the log group /aws/sagemaker/Endpoints/{serving.name}. To try again:\n"
        f"  seqdrop endpoint start {analysis}\n",
    )


def idle_mail(serving: Serving) -> Mail:
    """Return the mail that an endpoint without requests is deleted."""
    analysis = serving.analysis.name
    return Mail(
        f"Seqdrop deleted the idle endpoint {serving.name}",
        f"The endpoint {serving.name} had no request for {serving.idle_hours:g} hours (idle_hours in analyses.toml). "
        "Seqdrop deletes it: its instances cost money whether they are used or not.\n\n"
        "Files that are dropped are predicted as before. To make the endpoint again:\n"
        f"  seqdrop endpoint start {analysis}\n",
    )
