"""Each check of `seqdrop doctor` finds what it is for, and says what to do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop_cli.commands.doctor import list_checks
from seqdrop_cli.doctor import access, deployment, quotas
from seqdrop_cli.doctor.finding import Check, Finding, is_healthy, run_checks
from seqdrop_cli.doctor.stack import ALARM, RULE

TOPIC = "arn:aws:sns:eu-west-1:123456789012:lab"
SUBSCRIPTION = {"Protocol": "email", "Endpoint": "lab@example.org", "Owner": "123456789012", "TopicArn": TOPIC}
IMAGE = "763104351884.dkr.ecr.eu-west-1.amazonaws.com/huggingface-pytorch-inference:2.6.0"


def statuses(findings) -> list[str]:
    return [finding.status for finding in findings]


@pytest.mark.parametrize("state", ["Failed", "Pending"])
def test_a_function_that_cannot_be_called_fails(stack, state):
    reason = {"StateReason": "the key is disabled", "Runtime": "python3.13"}
    stack.functions = {"ValidateFunction": {"State": state, **reason}, "FinishFunction": {"Runtime": "python3.13"}}
    (finding,) = deployment.check_functions(stack)
    assert (finding.status, finding.text) == ("failed", "ValidateFunction cannot be called: the key is disabled")


def test_events_are_on(stack):
    stack.resources = {"LandedRule": (RULE, "landed")}
    stack.say("s3", "get_bucket_notification_configuration", {"EventBridgeConfiguration": {}}, {"Bucket": "landing"})
    stack.say("events", "describe_rule", {"State": "ENABLED"}, {"Name": "landed"})
    (finding,) = deployment.check_events(stack)
    assert finding.status == "ok"
    assert "five minutes" in finding.text


def test_events_are_off_and_a_rule_is_disabled(stack):
    stack.resources = {"LandedRule": (RULE, "landed"), "Ledger": ("AWS::DynamoDB::Table", "t")}
    stack.say("s3", "get_bucket_notification_configuration", {})
    stack.say("events", "describe_rule", {"State": "DISABLED"})
    findings = list(deployment.check_events(stack))
    assert statuses(findings) == ["failed", "failed"]
    assert "LandedRule" in findings[1].text


@pytest.mark.parametrize(
    ("arns", "expected"),
    [
        ([], ["warning"]),
        (["PendingConfirmation"], ["failed"]),
        ([f"{TOPIC}:1"], ["ok"]),
        ([f"{TOPIC}:1", "PendingConfirmation"], ["failed"]),
    ],
)
def test_a_subscription_must_be_confirmed(stack, arns, expected):
    stack.settings = {"topic": TOPIC}
    subscriptions = [{**SUBSCRIPTION, "SubscriptionArn": arn} for arn in arns]
    stack.say("sns", "list_subscriptions_by_topic", {"Subscriptions": subscriptions}, {"TopicArn": TOPIC})
    findings = list(deployment.check_mails(stack))
    assert statuses(findings) == expected
    assert not any("lab@example.org" in finding.text for finding in findings)


@pytest.mark.parametrize(("state", "expected"), [("OK", "ok"), ("INSUFFICIENT_DATA", "ok"), ("ALARM", "failed")])
def test_a_raised_alarm_fails(stack, state, expected):
    stack.resources = {"ArchiveAlarm": (ALARM, "stack-ArchiveAlarm-1")}
    alarms = [{"AlarmName": "stack-ArchiveAlarm-1", "StateValue": state}]
    stack.say("cloudwatch", "describe_alarms", {"MetricAlarms": alarms}, {"AlarmNames": ["stack-ArchiveAlarm-1"]})
    (finding,) = deployment.check_alarms(stack)
    assert (finding.status, "ArchiveAlarm" in finding.text) == (expected, state == "ALARM")


class TestKey:
    def describe(self, stack, state: str = "Enabled") -> None:
        stack.settings = {"key": "key-1"}
        stack.say("kms", "describe_key", {"KeyMetadata": {"KeyId": "key-1", "KeyState": state}})

    @pytest.mark.parametrize("state", ["Disabled", "PendingDeletion"])
    def test_a_key_that_is_not_enabled_fails(self, stack, state):
        self.describe(stack, state)
        (finding,) = access.check_key(stack)
        assert (finding.status, state in finding.text) == ("failed", True)

    @pytest.mark.parametrize(("code", "expected"), [("DryRunOperationException", "ok"), ("AccessDenied", "warning")])
    def test_a_dry_run_says_whether_the_caller_may_encrypt(self, stack, code, expected):
        self.describe(stack)
        stack.refuse("kms", "generate_data_key", code)
        (finding,) = access.check_key(stack)
        assert finding.status == expected


class TestImages:
    def test_the_digest_of_a_tag_is_shown(self, stack):
        stack.settings = {"transform_image": IMAGE}
        place = {"registryId": "763104351884", "repositoryName": "huggingface-pytorch-inference"}
        images = [{"imageId": {"imageDigest": "sha256:" + "0" * 64, "imageTag": "2.6.0"}}]
        stack.say("ecr", "batch_get_image", {"images": images}, {**place, "imageIds": [{"imageTag": "2.6.0"}]})
        (finding,) = access.check_images(stack)
        assert (finding.status, "sha256:0000" in finding.text) == ("ok", True)

    def test_a_missing_image_fails_and_the_others_are_checked(self, stack):
        pinned = f"{IMAGE[:-6]}@sha256:1"
        stack.settings = {"transform_image": IMAGE, "training_image": IMAGE, "processing_image": pinned}
        stack.say("ecr", "batch_get_image", {"images": []})
        stack.refuse("ecr", "batch_get_image", "RepositoryNotFoundException")
        assert statuses(access.check_images(stack)) == ["failed", "failed", "ok"]

    def test_an_image_that_is_not_in_ecr_is_noted(self, stack):
        stack.settings = {"transform_image": "registry.example.org/image:1"}
        assert statuses(access.check_images(stack)) == ["note"]


class TestQuotas:
    def test_the_concurrency_of_all_queues_is_compared_with_the_account(self, stack):
        stack.functions = {"A": {"FunctionName": "a"}, "B": {"FunctionName": "b"}}
        stack.say("lambda", "get_account_settings", {"AccountLimit": {"UnreservedConcurrentExecutions": 10}})
        for most in (8, 20):
            mapping = {"UUID": "0" * 36, "ScalingConfig": {"MaximumConcurrency": most}}
            stack.say("lambda", "list_event_source_mappings", {"EventSourceMappings": [mapping]})
        (finding,) = quotas.check_concurrency(stack)
        assert (finding.status, finding.text.split(" ")[4]) == ("warning", "28")

    @given(st.integers(0, 30), st.integers(1, 30))
    def test_a_quota_of_zero_fails_and_a_small_one_is_noted(self, value, count):
        need = quotas.Need("transform job", "ml.m5.xlarge", count)
        status = quotas.compare(need, {"ml.m5.xlarge for transform job usage": value}).status
        assert status == ("failed" if value == 0 else "note" if value < count else "ok")

    def test_an_unknown_quota_is_unknown(self):
        assert quotas.compare(quotas.Need("transform job", "ml.x", 1), {}).status == "unknown"

    def test_needs_are_those_of_the_settings(self):
        settings = {"max_jobs": "4", "instance_count": "2", "instance_type": "ml.m5.xlarge"}
        assert quotas.find_needs(settings) == [quotas.Need("transform job", "ml.m5.xlarge", 8)]

    @pytest.mark.parametrize(("patterns", "expected"), [("ml.g5.*, ml.m5.*", "ok"), ("ml.p4d.*", "warning")])
    def test_a_training_needs_one_of_its_types(self, patterns, expected):
        values = {"ml.g5.xlarge for training job usage": 1, "ml.p4d.24xlarge for training job usage": 0}
        assert quotas.compare_trainings(patterns, values).status == expected

    def test_all_pages_of_quotas_are_read(self, stack):
        stack.settings = {"instance_type": "ml.m5.xlarge", "training_instances": "ml.g5.*"}
        for name, token in (("ml.m5.xlarge for transform job usage", "2"), ("ml.g5.xlarge for training job usage", "")):
            page = {"Quotas": [{"QuotaName": name, "Value": 3.0}], **({"NextToken": token} if token else {})}
            stack.say("service-quotas", "list_service_quotas", page)
        assert statuses(quotas.check_instances(stack)) == ["ok", "ok"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("AccessDeniedException", "do not permit"),
        ("UnknownOperationException", "does not exist"),
        ("ServiceUnavailable", "could not be checked"),
    ],
)
def test_a_check_that_cannot_be_made_is_unknown_and_the_next_is_made(stack, code, words):
    stack.settings = {"topic": TOPIC}
    stack.refuse("sns", "list_subscriptions_by_topic", code)
    fine = Check("other", lambda _: [Finding("other", "ok", "fine")])
    findings = list(run_checks([Check("mails", deployment.check_mails), fine], stack))
    assert statuses(findings) == ["unknown", "ok"]
    assert words in findings[0].text
    assert is_healthy(findings)


def test_only_a_failed_check_is_unhealthy():
    assert is_healthy([Finding("a", status, "") for status in ("ok", "note", "warning", "unknown")])
    assert not is_healthy([Finding("a", "ok", ""), Finding("a", "failed", "")])


def test_the_canary_is_the_last_check_and_can_be_left_out():
    names = [check.name for check in list_checks(canary=True)]
    assert [*(check.name for check in list_checks(canary=False)), "canary"] == names
