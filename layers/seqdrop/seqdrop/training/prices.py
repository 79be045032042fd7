"""What an hour of training costs on each type of instance.

On demand, us-east-1, US dollars an hour of a SageMaker training instance. These numbers were gathered on the date
below from public tables that quote AWS's Price List API (of June 2025 to May 2026), not read from AWS's own page, and
for ml.g6e.* such tables disagree (the higher is taken). A lab checks those that it uses at SOURCE, and names another
with `seqdrop plan --price`.
"""

from __future__ import annotations

from datetime import date

AS_OF = date(2026, 11, 23)
REGION = "us-east-1"
SOURCE = "https://aws.amazon.com/sagemaker/ai/pricing/"

# Managed spot costs such a share of the price on demand: AWS says up to 90 % less, which is seldom had for GPUs.
SPOT_LOW, SPOT_HIGH = 0.3, 0.7

PRICES = {
    "ml.m5.xlarge": 0.23,
    "ml.m5.2xlarge": 0.461,
    "ml.m5.4xlarge": 0.922,
    "ml.c5.2xlarge": 0.408,
    "ml.c5.4xlarge": 0.816,
    "ml.c7i.xlarge": 0.214,
    "ml.c7i.2xlarge": 0.428,
    "ml.c7i.4xlarge": 0.857,
    "ml.g4dn.xlarge": 0.736,
    "ml.g4dn.12xlarge": 4.89,
    "ml.g5.xlarge": 1.408,
    "ml.g5.2xlarge": 1.515,
    "ml.g5.12xlarge": 7.09,
    "ml.g5.24xlarge": 10.18,
    "ml.g5.48xlarge": 20.36,
    "ml.g6e.xlarge": 2.61,
    "ml.g6e.2xlarge": 2.80,
    "ml.g6e.12xlarge": 13.12,
    "ml.g6e.48xlarge": 37.66,
    "ml.p4d.24xlarge": 25.25,
    "ml.p5.48xlarge": 63.30,
}
