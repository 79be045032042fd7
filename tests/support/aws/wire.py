"""Real boto3 clients whose requests go to a fake account instead of the network, after botocore's own checks."""

from __future__ import annotations

import importlib.util
import logging
import os
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from types import SimpleNamespace
from typing import TYPE_CHECKING
from unittest import mock

import boto3.s3.transfer
import botocore.handlers
import botocore.session
import botocore.useragent
from seqdrop import clock
from seqdrop.config.settings import Settings
from seqdrop.kinds import plans
from seqdrop.runtime import services as of_lambda
from seqdrop.runtime.log import logger

from tests.support.aws.account import Call
from tests.support.aws.errors import RefusedError
from tests.support.aws.template import ACCOUNT, REGION, REPOSITORY, environment, environment_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from seqdrop.runtime.services import Services

ENVIRONMENT = {"AWS_DEFAULT_REGION": REGION, "AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "none"}


class Wire(logging.Handler):
    """The handler of every call of every client. `respond` and the clock are set for each account.

    It is also the handler of the functions' log: `log` has their warnings and errors.
    """

    def __init__(self):
        super().__init__(logging.WARNING)
        self.respond: Callable[[Call], dict] | None = None
        self.clock = None
        self.log: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.log.append(f"{record.getMessage()}: {record.exc_info[1]!r}" if record.exc_info else record.getMessage())

    def utc_now(self) -> datetime:
        return self.clock.now

    def attach(self, client) -> None:
        self._register(client.meta.events)
        client._user_agent_creator = Nameless

    def session(self) -> boto3.Session:
        """Return a session whose clients are all attached."""
        below = botocore.session.Session()
        below.set_config_variable("region", REGION)
        below.set_credentials(ACCOUNT, "none")
        self._register(below.get_component("event_emitter"))
        return boto3.Session(botocore_session=below)

    def _register(self, events) -> None:
        for event, handler in self._handlers:
            events.register_last(event, handler)

    @property
    def _handlers(self) -> list[tuple[str, Callable]]:
        return [("before-parameter-build", self._store_request), ("before-call", self._call)]

    @contextmanager
    def attach_everywhere(self, default: boto3.Session) -> Iterator[None]:
        """Attach the clients of every session created in this context; `default` is the session of boto3.client."""
        added = [(event, handler, botocore.handlers.REGISTER_LAST) for event, handler in self._handlers]
        with (
            mock.patch.object(botocore.handlers, "BUILTIN_HANDLERS", [*botocore.handlers.BUILTIN_HANDLERS, *added]),
            mock.patch.object(boto3, "DEFAULT_SESSION", default),
            mock.patch.object(botocore.useragent.UserAgentString, "to_string", Nameless.to_string),
        ):
            yield

    @staticmethod
    def _store_request(params: dict, context: dict, **_) -> None:
        context["request"] = params

    def _call(self, model, params: dict, context: dict, **_) -> tuple[SimpleNamespace, dict]:
        request = dict(context["request"])
        if hasattr(request.get("Body"), "read"):  # a stream; a repeated request reads it from the start
            request["Body"] = request["Body"].read()
        call = Call(model.service_model.service_name, model.name, request, params["headers"])
        try:
            response, status = self.respond(call), 200
        except RefusedError as error:
            response, status = error.response, error.status
        return SimpleNamespace(status_code=status), {**response, "ResponseMetadata": {"HTTPStatusCode": status}}


class Nameless:
    """A replacement of the user agent string, whose computation takes a tenth of the time of a call."""

    @staticmethod
    def to_string(*_) -> str:
        return "seqdrop"


@contextmanager
def wire_services(text: str, **settings: str) -> Iterator[Wire]:
    """Yield a wire with the attached services of a Lambda. `text` is its analyses.toml.

    `settings` replace environment variables of the template: `max_jobs` is SEQDROP_MAX_JOBS. Clients are created once,
    because that takes a second.
    """
    own = {f"SEQDROP_{name.upper()}": value for name, value in settings.items()}
    wire = Wire()
    of_lambda.services.cache_clear()
    of_lambda.archiving_services.cache_clear()
    of_lambda.bundling_services.cache_clear()
    one_thread = partial(boto3.s3.transfer.TransferConfig, use_threads=False)
    parsed, log = plans.parse(text), logger()._logger
    with (
        mock.patch.dict(os.environ, {**ENVIRONMENT, **environment(), **own}),
        mock.patch.object(plans, "packaged", return_value=parsed),
        mock.patch.object(boto3.s3.transfer, "TransferConfig", one_thread),
        mock.patch.object(clock, "utc_now", wire.utc_now),
        mock.patch.object(log, "handlers", [wire]),
        mock.patch.object(log, "level", logging.WARNING),
    ):
        os.environ.pop("AWS_ENDPOINT_URL", None)
        services = of_lambda.archiving_services()
        bundling = of_lambda.bundling_services()
        clients = (
            services.s3,
            bundling.s3,
            services.copier,
            services.sagemaker,
            services.sagemaker_runtime,
            services.sqs,
            services.sns,
            services.omics,
            services.events,
            services.ledger._client,
            *((services.cloudwatch, services.autoscaling) if settings.get("endpoints") else ()),
        )
        for client in clients:
            wire.attach(client)
        yield wire
    of_lambda.services.cache_clear()
    of_lambda.archiving_services.cache_clear()
    of_lambda.bundling_services.cache_clear()


@cache
def handler(folder: str) -> Callable[[dict, object], dict]:
    """Return the handler of functions/<folder>/app.py. Its metrics are discarded.

    Its settings are those of its own environment variables in the template.
    """
    spec = importlib.util.spec_from_file_location(f"fault_{folder}", REPOSITORY / f"functions/{folder}/app.py")
    app = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(app)
    for name in {"services", "archiving_services", "bundling_services"} & {"services", *vars(app)}:
        setattr(app, name, partial(_limited, getattr(of_lambda, name), folder))
    if hasattr(app, "publish"):
        app.publish = lambda *_: None
    return app.handler


def _limited(create: Callable[[], Services], folder: str) -> Services:
    return limit(create(), folder)


def limit(services: Services, folder: str) -> Services:
    """Return the services with only those settings for which the function in functions/<folder>/ has a variable."""
    own = {name: os.environ[name] for name in environment_of(folder)}
    return replace(services, settings=Settings.load(own))
