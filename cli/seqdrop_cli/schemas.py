"""JSON Schemas of analyses.toml and job.toml, which docs/schemas/ contains as files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from seqdrop.config.schema import analyses_schema, closed_schema, document, properties, table_schema
from seqdrop.kinds.registry import KINDS
from seqdrop.training.distribution.distribution import SAGEMAKER, Distribution
from seqdrop.training.jobfile import JobFile

if TYPE_CHECKING:
    from collections.abc import Callable

Schema = dict[str, Any]


def job_schema() -> Schema:
    """Return the schema of job.toml."""
    sdk = {"type": "object", "description": "As the SageMaker SDK takes it in `distribution` (docs/distribution.md)."}
    distribution = closed_schema(
        properties(Distribution) | dict.fromkeys(SAGEMAKER, sdk), (), Distribution.__doc__ or ""
    )
    schema = table_schema(JobFile)
    schema["properties"]["distribution"] = distribution
    return document("job.toml of Seqdrop", schema)


SCHEMAS: dict[str, Callable[[], Schema]] = {"analyses": lambda: analyses_schema(KINDS), "job": job_schema}


def render_schema(name: str) -> str:
    """Return the text of a schema's file; `name` is a key of SCHEMAS."""
    return json.dumps(SCHEMAS[name](), indent=2) + "\n"
