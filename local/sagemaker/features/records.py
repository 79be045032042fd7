"""Feature groups, which survive when the service is killed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import ClassVar

DATABASE = "sagemaker_featurestore"
CATALOG = "AwsDataCatalog"


@dataclass(kw_only=True)
class FeatureGroup:
    """A feature group.

    `features` are its definitions, each with the time at which it was `added`. `notes` are descriptions and parameters
    of features by name. `update` is the state of the last UpdateFeatureGroup; "" if there was none. `blocked` says why
    rows cannot be written to the offline store; "" if they can.
    """

    kind: ClassVar[str] = "FeatureGroup"

    arn: str
    request: dict
    account: str
    region: str
    tags: dict[str, str]
    features: list[dict]
    created: float = field(default_factory=time.time)
    modified: float = field(default_factory=time.time)
    status: str = "Creating"
    failure: str = ""
    update: str = ""
    update_failure: str = ""
    blocked: str = ""
    notes: dict[str, dict] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name as in the request, with its case."""
        return self.request["FeatureGroupName"]

    @property
    def instance(self) -> str:
        """A name that differs from that of an earlier group with the same name."""
        return f"{self.name}-{int(self.created)}"

    @property
    def identifier(self) -> str:
        """The name of the feature that identifies a record."""
        return self.request["RecordIdentifierFeatureName"]

    @property
    def clock(self) -> str:
        """The name of the feature that has the event time."""
        return self.request["EventTimeFeatureName"]

    @property
    def types(self) -> dict[str, str]:
        """The types of the features by name."""
        return {each["FeatureName"]: each["FeatureType"] for each in self.features}

    @property
    def has_online_store(self) -> bool:
        """True if its latest records can be read."""
        return bool(self.request.get("OnlineStoreConfig", {}).get("EnableOnlineStore"))

    @property
    def has_offline_store(self) -> bool:
        """True if all its records are written to a table."""
        return "OfflineStoreConfig" in self.request

    @property
    def online_key(self) -> str:
        """The KMS key of the online store; "" for a key of AWS."""
        return self.request.get("OnlineStoreConfig", {}).get("SecurityConfig", {}).get("KmsKeyId", "")

    @property
    def offline_key(self) -> str:
        """The KMS key of the offline store; "" for that of the bucket."""
        return self.request["OfflineStoreConfig"]["S3StorageConfig"].get("KmsKeyId", "")

    @property
    def location(self) -> str:
        """The location of the table in S3, below which are data/ and metadata/."""
        root = self.request["OfflineStoreConfig"]["S3StorageConfig"]["S3Uri"].rstrip("/")
        return f"{root}/{self.account}/sagemaker/{self.region}/offline-store/{self.instance}"

    @property
    def table(self) -> tuple[str, str]:
        """The database and the name of the table in Glue, as in the request or else as Feature Store names it."""
        catalog = self.request["OfflineStoreConfig"].get("DataCatalogConfig")
        if catalog:
            return catalog["Database"], catalog["TableName"]
        return DATABASE, self.instance.lower().replace("-", "_")

    def describe(self) -> dict:
        """Return the response of DescribeFeatureGroup."""
        names = ("FeatureGroupName", "RecordIdentifierFeatureName", "EventTimeFeatureName", "RoleArn", "Description")
        described = {name: self.request[name] for name in names if name in self.request}
        described |= {
            "FeatureGroupArn": self.arn,
            "FeatureDefinitions": [
                {name: value for name, value in each.items() if name != "added"} for each in self.features
            ],
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
            "FeatureGroupStatus": self.status,
            "ThroughputConfig": {"ThroughputMode": "OnDemand"},
            **self._describe_stores(),
        }
        if self.failure:
            described["FailureReason"] = self.failure
        if self.update:
            reason = {"FailureReason": self.update_failure} if self.update_failure else {}
            described["LastUpdateStatus"] = {"Status": self.update} | reason
        return described

    def describe_offline_status(self) -> dict:
        """Return the state of the offline store; an empty dict if there is none."""
        if not self.has_offline_store:
            return {}
        if self.blocked:
            return {"OfflineStoreStatus": {"Status": "Blocked", "BlockedReason": self.blocked[:1024]}}
        return {"OfflineStoreStatus": {"Status": "Active"}}

    def _describe_stores(self) -> dict:
        stores = {}
        if "OnlineStoreConfig" in self.request:
            stores["OnlineStoreConfig"] = {"StorageType": "Standard"} | self.request["OnlineStoreConfig"]
        if self.has_offline_store:
            config = self.request["OfflineStoreConfig"]
            database, table = self.table
            stores["OfflineStoreConfig"] = config | {
                "S3StorageConfig": config["S3StorageConfig"] | {"ResolvedOutputS3Uri": f"{self.location}/data"},
                "DisableGlueTableCreation": False,
                "DataCatalogConfig": {"Catalog": CATALOG, "Database": database, "TableName": table},
            }
        return stores | self.describe_offline_status()
