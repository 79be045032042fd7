"""An endpoint follows its model's pointer; what was rolled back is mailed once and not tried again."""

import json

import pytest
from seqdrop.errors import RetryableError
from seqdrop.sagemaker.requests.scaling import TRACKING

from tests.support.aws.errors import RefusedError
from tests.unit.stages.serve.conftest import ANALYSIS, NAME, REAL_TIME, SCHEDULED, TEXT

ALARMS = {f"{NAME}-5xx", f"{NAME}-4xx", f"{NAME}-latency"}


def serving_model(lab) -> str:
    (variant,) = lab.sagemaker.configurations[lab.endpoint.configuration]["ProductionVariants"]
    return lab.sagemaker.models[variant["ModelName"]]["PrimaryContainer"]["ModelDataSource"]["S3DataSource"]["S3Uri"]


def current(lab) -> str:
    pointer = json.loads(lab.account.s3.read("models", "models/promoter-300/current.json"))
    return f"s3://models/{pointer['current']['key']}"


class TestCreation:
    def test_an_endpoint_is_created_from_the_current_archive(self, lab):
        lab.push()
        lab.run()
        assert lab.endpoint.status == "Creating"
        assert serving_model(lab) == current(lab)
        assert set(lab.account.cloudwatch.alarms) == ALARMS
        assert not lab.account.autoscaling.targets  # there is nothing to scale yet

    def test_the_container_gets_what_a_transform_job_would_set(self, lab):
        lab.start()
        (model,) = lab.sagemaker.models.values()
        assert model["EnableNetworkIsolation"]
        environment = model["PrimaryContainer"]["Environment"]
        assert (environment["SEQDROP_WINDOW"], environment["SEQDROP_STRANDS"]) == ("300", "+-")
        assert int(environment["MMS_MAX_REQUEST_SIZE"]) >= 6 * 1024 * 1024

    def test_it_scales_when_it_is_in_service(self, lab):
        lab.start()
        (target,) = lab.account.autoscaling.targets.values()
        assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 4)
        policy = lab.account.autoscaling.policies[target["ResourceId"]][TRACKING]
        assert policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 600

    def test_without_a_model_there_is_none_and_the_next_push_makes_it(self, lab):
        lab.run()
        assert not lab.sagemaker.endpoints
        lab.push()
        lab.run({"source": "aws.s3"})
        assert lab.endpoint.status == "Creating"

    def test_nothing_is_done_again_while_nothing_changes(self, lab):
        lab.start()
        before = lab.account.snapshot(), lab.endpoint.modified
        for _ in range(3):
            lab.run()
        after = lab.account.snapshot(), lab.endpoint.modified
        for (table, *_), _modified in (before, after):
            table.pop(("POSITION#endpoint spend", "POSITION"))  # what it costs grows
        assert after == before

    def test_one_that_fails_is_deleted_mailed_once_and_not_tried_again(self, lab):
        lab.push("broken")
        lab.run()
        lab.end_change(NAME, "fails", "the container did not respond to ping")
        assert lab.endpoint.status == "Deleting"
        lab.end_change()
        lab.run()
        assert not lab.sagemaker.endpoints
        assert lab.mails == [f"Seqdrop could not create the endpoint {NAME}"]
        lab.push("repaired")
        lab.run()
        assert lab.endpoint.status == "Creating"

    def test_without_capacity_it_is_tried_again(self, lab):
        lab.push()
        lab.sagemaker.capacity = False
        with pytest.raises(RetryableError):
            lab.run()
        lab.sagemaker.capacity = True
        lab.run()
        assert lab.endpoint.status == "Creating"

    def test_one_that_another_stack_has_is_left_alone(self, lab):
        lab.start()
        (tags,) = lab.sagemaker.endpoint_tags.values()
        tags[:] = [{"Key": "seqdrop:stack", "Value": "other"}]
        lab.push("second")
        lab.run()
        assert lab.endpoint.status == "InService"

    def test_a_gpu_that_the_image_does_not_fit_is_refused(self, lab):
        lab.deploy(TEXT + 'instance_type = "ml.g5.xlarge"\n')
        lab.push()
        lab.run()
        assert not lab.sagemaker.endpoints

    def test_endpoints_of_two_analyses_do_not_affect_each_other(self, lab):
        other = ANALYSIS.format(name="other", model="absent") + REAL_TIME.format(name="other")
        lab.deploy(TEXT + other)
        lab.start()
        assert [*lab.sagemaker.endpoints] == [NAME]


class TestUpdates:
    def test_another_model_is_deployed_under_alarms(self, lab):
        first = lab.start().configuration
        lab.push("second")
        lab.run({"source": "aws.s3"})
        assert lab.endpoint.status == "Updating"
        request = lab.endpoint.request["DeploymentConfig"]
        assert {alarm["AlarmName"] for alarm in request["AutoRollbackConfiguration"]["Alarms"]} == ALARMS
        assert request["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["Type"] == "ALL_AT_ONCE"
        lab.end_change()
        assert serving_model(lab) == current(lab)
        assert first not in lab.sagemaker.configurations
        assert lab.mails == []

    def test_with_two_instances_a_canary_comes_first(self, lab):
        lab.deploy(TEXT + "min_instances = 2\n")
        lab.start()
        lab.push("second")
        lab.run()
        routing = lab.endpoint.request["DeploymentConfig"]["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
        assert (routing["Type"], routing["CanarySize"]) == ("CANARY", {"Type": "INSTANCE_COUNT", "Value": 1})

    def test_a_rolled_back_model_is_mailed_once_and_not_tried_again(self, lab):
        first = lab.start().configuration
        lab.push("worse")
        lab.run()
        lab.end_change(NAME, "is undone", "alarm raised")
        for _ in range(3):
            lab.run(SCHEDULED)
        assert (lab.endpoint.status, lab.endpoint.configuration) == ("InService", first)
        assert len(lab.sagemaker.updates) == 1
        assert lab.mails == [f"Seqdrop rolled back the endpoint {NAME}"]
        assert [*lab.sagemaker.configurations] == [first]

    def test_one_that_scales_before_its_update_begins_is_no_rollback(self, lab):
        """Scaling changes the time at which SageMaker last modified an endpoint, as an update that is undone does."""
        lab.start()
        lab.push("second")
        lab.sagemaker.capacity = False
        with pytest.raises(RetryableError):
            lab.run()
        lab.endpoint.modified = lab.clock.now
        lab.sagemaker.capacity = True
        lab.run()
        assert lab.endpoint.status == "Updating"
        lab.end_change()
        assert serving_model(lab) == current(lab)
        assert lab.mails == []

    def test_after_a_rollback_the_next_model_is_deployed(self, lab):
        lab.start()
        lab.push("worse")
        lab.run()
        lab.end_change(NAME, "is undone")
        lab.push("better")
        lab.run()
        lab.end_change()
        assert serving_model(lab) == current(lab)
        lab.push("worse")  # someone asks for it once more
        lab.run()
        assert lab.endpoint.status == "Updating"

    def test_a_model_that_is_promoted_during_an_update_follows(self, lab):
        lab.start()
        lab.push("second")
        lab.run()
        lab.push("third")
        lab.run()
        lab.end_change()
        assert lab.endpoint.status == "Updating"
        lab.end_change()
        assert serving_model(lab) == current(lab)
        assert lab.mails == []

    def test_a_crash_before_the_update_is_no_rollback(self, lab, monkeypatch):
        lab.start()
        lab.push("second")

        def crash(request, headers):
            raise RefusedError("InternalFailure", "the function died here")

        with monkeypatch.context() as patch:
            patch.setattr(lab.sagemaker, "update_endpoint", crash)
            with pytest.raises(RetryableError):
                lab.run()
        lab.run()
        assert lab.endpoint.status == "Updating"
        assert lab.mails == []

    def test_one_that_scales_after_a_crash_before_the_update_is_no_rollback(self, lab, monkeypatch):
        lab.start()
        lab.push("second")

        def crash(request, headers):
            raise KeyboardInterrupt  # no code of a function catches it

        with monkeypatch.context() as patch:
            patch.setattr(lab.sagemaker, "update_endpoint", crash)
            with pytest.raises(KeyboardInterrupt):
                lab.run()
        lab.endpoint.modified = lab.clock.now
        lab.run()
        assert lab.endpoint.status == "Updating"
        assert lab.mails == []

    @pytest.mark.parametrize("sees_it_under_way", [True, False])
    def test_an_update_whose_response_was_lost_is_rolled_back_with_a_mail(self, lab, monkeypatch, sees_it_under_way):
        """Only one that is never seen under way is tried once more: it may never have begun."""
        lab.start()
        lab.push("worse")
        original = lab.sagemaker.update_endpoint

        def lose(request, headers):
            original(request, headers)
            raise RefusedError("InternalFailure", "the response was lost")

        with monkeypatch.context() as patch:
            patch.setattr(lab.sagemaker, "update_endpoint", lose)
            with pytest.raises(RetryableError):
                lab.run()
        if sees_it_under_way:
            lab.run()
        lab.end_change(NAME, "is undone")
        if not sees_it_under_way:
            assert (lab.endpoint.status, lab.mails) == ("Updating", [])
            lab.end_change(NAME, "is undone")
        assert lab.mails == [f"Seqdrop rolled back the endpoint {NAME}"]
        assert lab.endpoint.status == "InService"

    def test_changed_bounds_of_scaling_need_no_update(self, lab):
        lab.start()
        lab.deploy(TEXT.replace("max_instances = 4", "max_instances = 9"))
        lab.run()
        (target,) = lab.account.autoscaling.targets.values()
        assert target["MaxCapacity"] == 9
        lab.deploy(TEXT.replace("max_instances = 4", "max_instances = 1"))
        lab.run()
        assert not lab.account.autoscaling.targets
        assert not lab.sagemaker.updates

    def test_capture_is_another_configuration(self, lab):
        lab.start()
        lab.deploy(TEXT + "capture_percent = 20\n")
        lab.run()
        wanted = lab.sagemaker.configurations[lab.endpoint.wanted]["DataCaptureConfig"]
        assert (wanted["InitialSamplingPercentage"], wanted["DestinationS3Uri"]) == (20, "s3://work/captured/")
        excluded = lab.endpoint.request["ExcludeRetainedVariantProperties"]
        assert excluded == [{"VariantPropertyType": "DataCaptureConfig"}]


class TestAsynchronous:
    def test_it_scales_from_and_to_zero(self, lab):
        lab.deploy(ANALYSIS.format(name="contigs", model="promoter-300") + 'mode = "async"\n')
        lab.push()
        lab.run()
        lab.end_change(f"{NAME}-async")
        (target,) = lab.account.autoscaling.targets.values()
        assert (target["MinCapacity"], target["MaxCapacity"]) == (0, 2)
        alarm = lab.account.cloudwatch.alarms[f"{NAME}-async-backlog"]
        assert alarm["MetricName"] == "HasBacklogWithoutCapacity"
        assert alarm["AlarmActions"] == [f"arn:policy/{target['ResourceId']}/first"]

    def test_its_results_go_to_the_work_bucket_and_are_reported(self, lab):
        lab.deploy(ANALYSIS.format(name="contigs", model="promoter-300") + 'mode = "async"\n')
        lab.push()
        lab.run()
        (configuration,) = lab.sagemaker.configurations.values()
        output = configuration["AsyncInferenceConfig"]["OutputConfig"]
        assert output["S3OutputPath"] == "s3://work/async/outputs/"
        assert output["NotificationConfig"] == {"SuccessTopic": "async_topic", "ErrorTopic": "async_topic"}
