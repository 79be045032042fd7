"""List prices of us-east-1, without free tiers, discounts and taxes.

None was read from AWS's pages for this project: those of services are believed to have held in 2025, and those of
SageMaker's instances are in seqdrop/aws/prices.py, with their date. Each price names the page with the present
price.
"""

from __future__ import annotations

from dataclasses import dataclass

from seqdrop.archive.storage_classes import BULK, CLASSES, DEEP_ARCHIVE, STANDARD
from seqdrop.aws import prices

AS_OF = "2025"
REGION = prices.REGION
DEFAULT_INSTANCE = "ml.m5.xlarge"  # of the template's InstanceType and ProcessingInstanceType


DEEP = CLASSES[DEEP_ARCHIVE]


@dataclass(frozen=True)
class Price:
    """A price in US dollars per unit, and the AWS pricing page that states it."""

    service: str
    usd: float
    unit: str
    page: str


PRICES = {
    "lambda": Price("Lambda, x86_64, compute", 0.0000166667, "GB-second", "lambda"),
    "invocation": Price("Lambda, requests", 0.20 / 1e6, "request", "lambda"),
    "put": Price("S3 Standard, PUT, COPY, POST, LIST", 0.005 / 1e3, "request", "s3"),
    "get": Price("S3 Standard, GET and others", 0.0004 / 1e3, "request", "s3"),
    "standard": Price("S3 Standard, storage", prices.STANDARD_GB_MONTH, "GB-month", "s3"),
    "deep_put": Price("S3 Deep Archive, PUT and COPY", prices.DEEP_ARCHIVE_COPY, "request", "s3"),
    "deep": Price("S3 Deep Archive, storage", prices.DEEP_ARCHIVE_GB_MONTH, "GB-month", "s3"),
    "bulk": Price("S3 Deep Archive, retrieval, Bulk (48 hours)", DEEP.tiers[BULK].usd_per_gb, "GB", "s3"),
    "bulk_request": Price(
        "S3 Deep Archive, retrieval requests, Bulk", DEEP.tiers[BULK].usd_per_request, "request", "s3"
    ),
    "fast": Price("S3 Deep Archive, retrieval, Standard (12 hours)", DEEP.tiers[STANDARD].usd_per_gb, "GB", "s3"),
    "fast_request": Price(
        "S3 Deep Archive, retrieval requests, Standard", DEEP.tiers[STANDARD].usd_per_request, "request", "s3"
    ),
    "event": Price("EventBridge, events", 1.00 / 1e6, "event", "eventbridge"),
    "event_archive": Price("EventBridge, events into an archive", 0.10, "GB", "eventbridge"),
    "archived_events": Price("EventBridge, an archive", 0.023, "GB-month", "eventbridge"),
    "destination": Price("EventBridge, requests to API destinations", 0.20 / 1e6, "request", "eventbridge"),
    "sqs": Price("SQS, standard queue", 0.40 / 1e6, "request", "sqs"),
    "write": Price("DynamoDB on demand, write request unit", 0.625 / 1e6, "unit", "dynamodb"),
    "read": Price("DynamoDB on demand, read request unit", 0.125 / 1e6, "unit", "dynamodb"),
    "feature_write": Price("Feature Store on demand, write request unit of 1 KB", 1.25 / 1e6, "unit", "sagemaker/ai"),
    "feature_read": Price("Feature Store on demand, read request unit of 4 KB", 0.25 / 1e6, "unit", "sagemaker/ai"),
    "feature_storage": Price("Feature Store, online store (Standard)", 0.45, "GB-month", "sagemaker/ai"),
    "job": Price(f"SageMaker jobs, {DEFAULT_INSTANCE}", prices.PRICES[DEFAULT_INSTANCE], "hour", "sagemaker/ai"),
    "kms": Price("KMS, requests", 0.03 / 1e4, "request", "kms"),
    "key": Price("KMS, a key", 1.00, "month", "kms"),
    "log": Price("CloudWatch Logs, ingestion", 0.50, "GB", "cloudwatch"),
    "alarm": Price("CloudWatch, a metric of an alarm", 0.10, "month", "cloudwatch"),
    "metric": Price("CloudWatch, a custom metric", 0.30, "month", "cloudwatch"),
    "dashboard": Price("CloudWatch, a dashboard", 3.00, "month", "cloudwatch"),
    "trace": Price("X-Ray, recorded traces", 5.00 / 1e6, "trace", "xray"),
}


def usd(name: str, amount: float) -> float:
    """Return the price of an amount in US dollars; `name` is a key of PRICES."""
    return PRICES[name].usd * amount
