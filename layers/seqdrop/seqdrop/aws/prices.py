"""Prices of SageMaker instances, which bound and estimate what a job costs, and of storage. The only table of them.

Prices are US dollars for an hour of one instance, on demand, in us-east-1. Public tables quote the same price for
training, processing and batch transform jobs. They were collected on the date AS_OF or later from such tables, which
quote AWS's Price List API (of June 2025 to May 2026), not from AWS's own page. Where tables disagree (ml.g6.*,
ml.g6e.*), the higher price is used. SOURCE has the current prices. The stack parameter InstancePrice replaces the price
of the instances of transform jobs, and `seqdrop plan --price` that of a training.
"""

from __future__ import annotations

from datetime import date

AS_OF = date(2026, 11, 23)
REGION = "us-east-1"
SOURCE = "https://aws.amazon.com/sagemaker/ai/pricing/"

# S3 in us-east-1, US dollars; the table of cli/seqdrop_cli/costs/prices.py has their source.
STANDARD_GB_MONTH = 0.023
DEEP_ARCHIVE_GB_MONTH = 0.00099
DEEP_ARCHIVE_COPY = 0.05 / 1e3

PRICES = {
    "ml.m5.large": 0.115,
    "ml.m5.xlarge": 0.23,
    "ml.m5.2xlarge": 0.461,
    "ml.m5.4xlarge": 0.922,
    "ml.m5.12xlarge": 2.765,
    "ml.m5.24xlarge": 5.53,
    "ml.c5.xlarge": 0.204,
    "ml.c5.2xlarge": 0.408,
    "ml.c5.4xlarge": 0.816,
    "ml.c5.9xlarge": 1.836,
    "ml.c5.18xlarge": 3.672,
    "ml.c7i.xlarge": 0.214,
    "ml.c7i.2xlarge": 0.428,
    "ml.c7i.4xlarge": 0.857,
    "ml.r5.large": 0.151,
    "ml.r5.xlarge": 0.302,
    "ml.g4dn.xlarge": 0.736,
    "ml.g4dn.2xlarge": 0.94,
    "ml.g4dn.4xlarge": 1.505,
    "ml.g4dn.8xlarge": 2.72,
    "ml.g4dn.12xlarge": 4.89,
    "ml.g4dn.16xlarge": 5.44,
    "ml.g5.xlarge": 1.408,
    "ml.g5.2xlarge": 1.515,
    "ml.g5.4xlarge": 2.03,
    "ml.g5.8xlarge": 3.06,
    "ml.g5.12xlarge": 7.09,
    "ml.g5.16xlarge": 5.12,
    "ml.g5.24xlarge": 10.18,
    "ml.g5.48xlarge": 20.36,
    "ml.g6.2xlarge": 1.222,
    "ml.g6.12xlarge": 5.752,
    "ml.g6.16xlarge": 4.246,
    "ml.g6.24xlarge": 8.344,
    "ml.g6e.xlarge": 2.61,
    "ml.g6e.2xlarge": 2.80,
    "ml.g6e.12xlarge": 13.12,
    "ml.g6e.48xlarge": 37.66,
    "ml.p3.2xlarge": 3.825,
    "ml.p3.8xlarge": 14.688,
    "ml.p3.16xlarge": 28.152,
    "ml.p4d.24xlarge": 25.25,
    "ml.p5.48xlarge": 63.30,
}


def hourly_price(instance_type: str, replacement: float = 0.0) -> float | None:
    """Return the dollars of one instance for an hour: `replacement` unless it is 0; None for an unknown type."""
    return replacement or PRICES.get(instance_type)
