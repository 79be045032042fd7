"""Mails about endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seqdrop.runtime.services import Services
    from seqdrop.sagemaker.endpoints import EndpointState
    from seqdrop.sagemaker.serving import Serving
    from seqdrop.stages.serve.planning import EndpointPlan


def mail_rollback(services: Services, plan: EndpointPlan, state: EndpointState, reason: str) -> None:
    """Report that SageMaker has undone an update."""
    model = plan.archive.model
    services.notify(
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


def mail_failure(services: Services, serving: Serving, reason: str) -> None:
    """Report that SageMaker could not create an endpoint."""
    analysis = serving.analysis.name
    services.notify(
        f"Seqdrop could not create the endpoint {serving.name}",
        f"SageMaker could not create the endpoint {serving.name} of the analysis {analysis}: "
        f"{reason or 'it gave no reason'}\n\n"
        "The endpoint was deleted. It is not created again until the model's pointer or analyses.toml changes. Its log "
        f"is in the log group /aws/sagemaker/Endpoints/{serving.name}. To try again:\n"
        f"  seqdrop endpoint start {analysis}\n",
    )


def mail_idle(services: Services, serving: Serving) -> None:
    """Report that an endpoint without requests is deleted."""
    analysis = serving.analysis.name
    services.notify(
        f"Seqdrop deleted the idle endpoint {serving.name}",
        f"The endpoint {serving.name} had no request for {serving.idle_hours:g} hours (idle_hours in analyses.toml). "
        "Seqdrop deletes it: its instances cost money whether they are used or not.\n\n"
        "Files that are dropped are predicted as before. To make the endpoint again:\n"
        f"  seqdrop endpoint start {analysis}\n",
    )
