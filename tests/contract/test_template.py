"""Properties of template.yaml that no emulator checks: which identities may use the key, and that nothing is public."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from seqdrop.aws import keys
from seqdrop.ledger.records import Upload
from seqdrop.sagemaker.requests.processing import LONGEST

# The actions on the key that an identity needs besides its action on an encrypted resource.
# Sources: the KMS sections of the S3, SQS, SNS and DynamoDB developer guides.
READ, BOTH = {"kms:Decrypt"}, {"kms:Decrypt", "kms:GenerateDataKey"}
NEEDS = {
    "s3:GetObject": READ,
    "s3:GetObjectVersion": READ,
    "s3:PutObject": BOTH,
    # Annotations are encrypted like their object.
    "s3:GetObjectAnnotation": READ,
    "s3:GetObjectVersionAnnotation": READ,
    "s3:PutObjectAnnotation": BOTH,
    "s3:PutObjectVersionAnnotation": BOTH,
    "sqs:SendMessage": BOTH,
    "sqs:ReceiveMessage": READ,
    "sns:Publish": BOTH,
    "dynamodb:GetItem": READ,
    "dynamodb:BatchGetItem": READ,
    "dynamodb:PutItem": BOTH,
    "dynamodb:Query": READ,
}


class Template(yaml.SafeLoader):
    """A YAML loader that reads intrinsic functions as {tag: value}."""


def _plain(loader, tag, node):
    if isinstance(node, yaml.ScalarNode):
        return {tag: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {tag: loader.construct_sequence(node, deep=True)}
    return {tag: loader.construct_mapping(node, deep=True)}


Template.add_multi_constructor("!", _plain)
TREE = yaml.load((Path(__file__).parents[2] / "template.yaml").read_text(), Template)
RESOURCES = TREE["Resources"]


def of_type(kind: str) -> dict[str, dict]:
    return {name: body["Properties"] for name, body in RESOURCES.items() if body["Type"] == kind}


FUNCTIONS = of_type("AWS::Serverless::Function")
QUEUES = of_type("AWS::SQS::Queue")
BUCKETS = of_type("AWS::S3::Bucket")


def as_list(value) -> list:
    return value if isinstance(value, list) else [value]


def statements(name: str) -> list[dict]:
    """Return the policy statements of an identity: of a function's role, or of a role."""
    role = FUNCTIONS[name]["Role"]["GetAtt"].removesuffix(".Arn") if name in FUNCTIONS else name
    # A policy of an optional part is the first choice of an If.
    policies = [policy["If"][1] if "If" in policy else policy for policy in RESOURCES[role]["Properties"]["Policies"]]
    return [s for policy in policies for s in policy["PolicyDocument"]["Statement"]]


def actions(name: str) -> set[str]:
    return {action for s in statements(name) if s["Effect"] == "Allow" for action in as_list(s["Action"])}


DATA = {"s3", "sqs", "sns", "dynamodb"}  # services that hold what a lab has


def condition_of(name: str) -> str:
    """Return the condition under which a resource exists; "" for always."""
    return RESOURCES[name].get("Condition", "")


IDENTITIES = [*FUNCTIONS, "ExecutionRole", "ProcessingRole", "TrainingRole", "MonitoringRole", "WorkflowRunRole"]
QUEUE = "AWS::SQS::Queue"


@pytest.mark.parametrize("name", IDENTITIES)
def test_identities_that_access_encrypted_resources_may_use_the_key(name):
    needed = set().union(*(NEEDS.get(action, set()) for action in actions(name)))
    granted = [s for s in statements(name) if s["Resource"] == {"GetAtt": "Key.Arn"}]
    assert needed, f"{name} accesses no encrypted resource"
    assert needed <= {action for s in granted for action in as_list(s["Action"])}


@pytest.mark.parametrize("name", IDENTITIES)
def test_every_action_on_data_is_known_to_these_tests(name):
    known = {*NEEDS, "s3:ListBucket", "s3:ListBucketVersions", "s3:DeleteObjectVersion", "s3:AbortMultipartUpload"}
    known |= {"s3:GetObjectTagging", "s3:GetObjectVersionTagging", "s3:PutObjectTagging"}
    # Annotations of an object are encrypted like the object; ArchiveRole has both actions on the key.
    known |= {f"s3:{verb}Object{version}Annotation" for verb in ("Get", "Put") for version in ("", "Version")}
    # These need no key, because they read no body.
    known |= {"s3:ListObjectAnnotations", "s3:ListObjectVersionAnnotations"}
    known |= {"s3:ListBucketMultipartUploads", "s3:ListMultipartUploadParts", "s3:GetObjectRetention"}
    # A HEAD request then has the retention of Object Lock in its response; no body is read.
    known |= {"s3:GetObjectLegalHold"}
    # A temporary copy is encrypted like its object; a job of S3 Batch Operations restores with a role of its own.
    known |= {"s3:RestoreObject", "s3:CreateJob", "s3:DescribeJob"}
    known |= {"s3:DeleteObject"} if name == "BundleFunction" else set()
    known |= {"sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
    data = {action for action in actions(name) if action.split(":")[0] in DATA}
    assert data <= known


def test_services_that_write_by_themselves_may_use_the_key():
    """Rules, alarms and budgets write to queues and topics without a role of this stack."""
    writers = set()
    for rule in of_type("AWS::Events::Rule").values():
        writers_to = [target["Arn"]["GetAtt"].removesuffix(".Arn") for target in rule["Targets"]]
        assert all(RESOURCES[name]["Type"] in (QUEUE, "AWS::Events::ApiDestination") for name in writers_to)
        writers.add("events.amazonaws.com")
    for alarm in of_type("AWS::CloudWatch::Alarm").values():
        assert alarm["AlarmActions"] == [{"Ref": "Notifications"}]
        writers.add("cloudwatch.amazonaws.com")
    if of_type("AWS::Budgets::Budget"):
        writers.add("budgets.amazonaws.com")
    for subscription in of_type("AWS::SNS::Subscription").values():
        if subscription["Protocol"] == "sqs":
            writers.add("sns.amazonaws.com")
    allowed = {
        str(s["Principal"]["Service"]): {action.rstrip("*") for action in as_list(s["Action"])}
        for s in RESOURCES["Key"]["Properties"]["KeyPolicy"]["Statement"]
        if "Service" in s["Principal"] and s["Sid"] != "LogsOfFunctions"
    }
    assert allowed.pop("s3.amazonaws.com") == {"kms:GenerateDataKey"}  # inventories; S3 does not read them
    assert dict.fromkeys(writers, BOTH) == allowed
    published = RESOURCES["NotificationsPolicy"]["Properties"]["PolicyDocument"]["Statement"][1]["Principal"]["Service"]
    assert set(published) == writers - {"events.amazonaws.com", "sns.amazonaws.com"}


def find_rule_queues() -> dict[str, set[str]]:
    """Return the rules that write to each queue, as a target or as a dead-letter queue."""
    rules: dict[str, set[str]] = {}
    for name, rule in of_type("AWS::Events::Rule").items():
        for target in rule["Targets"]:
            names = [arn["GetAtt"].removesuffix(".Arn") for arn in (target["Arn"], target["DeadLetterConfig"]["Arn"])]
            for queue in [queue for queue in names if RESOURCES[queue]["Type"] == QUEUE]:
                rules.setdefault(queue, set()).add(f"{name}.Arn")
    for function, body in FUNCTIONS.items():
        for event, source in body["Events"].items():
            if source["Type"] == "Schedule":
                arn = source["Properties"]["DeadLetterConfig"]["Arn"]["GetAtt"].removesuffix(".Arn")
                rules.setdefault(arn, set()).add(f"{function}{event}.Arn")
    return rules


def test_each_queue_that_a_rule_writes_to_has_its_own_policy():
    """SQS refuses a policy with another queue than its own as a resource."""
    policies = of_type("AWS::SQS::QueuePolicy").values()
    rules = {}
    for policy in policies:
        (queue,), (statement, *others) = policy["Queues"], policy["PolicyDocument"]["Statement"]
        statements = [statement, *(choose(other, {"EndpointsOn"}) for other in others)]
        assert all(each["Resource"] == {"GetAtt": f"{queue['Ref']}.Arn"} for each in statements)
        topics = [each["Condition"]["ArnEquals"]["aws:SourceArn"] for each in statements[1:]]
        assert topics in ([], [{"Ref": "AsyncResults"}])
        assert statement["Principal"] == {"Service": "events.amazonaws.com"}
        sources = as_list(statement["Condition"]["ArnEquals"]["aws:SourceArn"])
        rules[queue["Ref"]] = {source["GetAtt"] for source in sources}
    assert rules == find_rule_queues()


def choose(value, conditions: set[str]):
    """Return a value of the template in which these conditions are true, without what has no value."""
    if isinstance(value, list):
        return [choose(part, conditions) for part in value]
    if not isinstance(value, dict):
        return value
    if "If" in value:
        condition, yes, no = value["If"]
        return choose(yes if condition in conditions else no, conditions)
    chosen = {name: choose(part, conditions) for name, part in value.items()}
    return {name: part for name, part in chosen.items() if part != {"Ref": "AWS::NoValue"}}


def test_the_archive_can_be_encrypted_by_s3_and_locked():
    bucket = choose(BUCKETS["ArchiveBucket"], set())
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    assert not {"ObjectLockEnabled", "ObjectLockConfiguration"} & set(bucket)
    locked = choose(BUCKETS["ArchiveBucket"], {"ArchiveIsLocked"})
    retention = {"Mode": {"Ref": "ArchiveLockMode"}, "Days": {"Ref": "ArchiveLockDays"}}
    assert locked["ObjectLockEnabled"] is True
    assert locked["ObjectLockConfiguration"]["Rule"] == {"DefaultRetention": retention}
    defaults = {
        name: TREE["Parameters"][f"Archive{name}"]["Default"] for name in ("Encryption", "LockDays", "LockMode")
    }
    assert defaults == {"Encryption": "SSE-KMS", "LockDays": 0, "LockMode": "GOVERNANCE"}


@pytest.mark.parametrize("name", BUCKETS)
def test_buckets_are_private_and_encrypted(name):
    bucket = BUCKETS[name]
    (rule,) = choose(bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"], {"ArchiveUnderKey"})
    assert rule["BucketKeyEnabled"] is True
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": {"GetAtt": "Key.Arn"}}
    assert rule["ServerSideEncryptionByDefault"] == default
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    if name != "WorkBucket":  # its objects can be computed again
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    deny, *others = RESOURCES[f"{name}Policy"]["Properties"]["PolicyDocument"]["Statement"]
    assert [statement["Sid"] for statement in others] == (["Inventories"] if name == "ResultsBucket" else [])
    assert (deny["Effect"], deny["Principal"], deny["Action"]) == ("Deny", "*", "s3:*")
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_what_holds_data_outlives_the_stack_but_not_a_first_deploy_that_failed():
    """Retain would leave ten orphans after each failed attempt, which no later stack knows."""
    kinds = {"AWS::KMS::Key", "AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::S3::BucketPolicy"}
    kept = {name: body for name, body in RESOURCES.items() if body["Type"] in kinds}
    assert {(body["DeletionPolicy"], body["UpdateReplacePolicy"]) for body in kept.values()} == {
        ("RetainExceptOnCreate", "Retain")
    }
    assert RESOURCES["Ledger"]["Properties"]["DeletionProtectionEnabled"] is True
    others = {body.get("DeletionPolicy", "Delete"): name for name, body in RESOURCES.items() if name not in kept}
    assert others.keys() == {"Delete", "RetainExceptOnCreate"}
    of_the_account = {name for name, body in RESOURCES.items() if body.get("Condition") == "KeepsJobLogs"}
    assert {others["RetainExceptOnCreate"]} <= of_the_account


@pytest.mark.parametrize("name", ["LandingBucket", "ArchiveBucket"])
def test_no_lifecycle_rule_removes_raw_data(name):
    for rule in BUCKETS[name]["LifecycleConfiguration"]["Rules"]:
        assert not set(rule) & {"ExpirationInDays", "ExpirationDate", "NoncurrentVersionExpiration"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_queues_hide_messages_for_six_timeouts_and_have_dead_letters(name):
    for event in FUNCTIONS[name]["Events"].values():
        if event["Type"] != "SQS":
            continue
        queue = QUEUES[event["Properties"]["Queue"]["GetAtt"].removesuffix(".Arn")]
        window = event["Properties"].get("MaximumBatchingWindowInSeconds")
        longest = TREE["Parameters"][window["Ref"]]["MaxValue"] if window else 0
        assert queue["VisibilityTimeout"] >= 6 * FUNCTIONS[name]["Timeout"] + longest
        assert event["Properties"]["BatchSize"] <= 10 or TREE["Parameters"][window["Ref"]]["MinValue"] >= 1
        assert queue["RedrivePolicy"]["deadLetterTargetArn"]["GetAtt"].removesuffix(".Arn") in QUEUES
        assert event["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


@pytest.mark.parametrize("name", QUEUES)
def test_queues_are_encrypted(name):
    assert QUEUES[name]["KmsMasterKeyId"] == {"Ref": "Key"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_function_has_a_wildcard_permission(name):
    assert not [action for action in actions(name) if "*" in action]
    everywhere = [s["Sid"] for s in statements(name) if s["Resource"] == "*"]
    # CreateJob of S3 Batch Operations has no resources, nor have lists of SageMaker and HealthOmics, and statistics.
    without = {
        "RestoreFunction": ["CreateBatchJobs"],
        "ServeFunction": ["FindEndpoints"],
        "WorkflowFunction": ["FindRuns"],
    }
    assert everywhere == without.get(name, [])


def test_only_traces_need_the_permissions_of_traces():
    """With Tracing off, no function may send any, and none loads X-Ray's library."""
    policy = RESOURCES["TracingPolicy"]
    assert policy["Condition"] == RESOURCES["TracingLayer"]["Condition"] == "Traces"
    roles = {body["Role"]["GetAtt"].removesuffix(".Arn") for body in FUNCTIONS.values()}
    listed = choose(policy["Properties"]["Roles"], {condition_of(role) for role in roles})
    assert {role["Ref"] for role in listed} == roles
    always = choose(policy["Properties"]["Roles"], set())
    expected = {role for role in roles if not condition_of(role)}
    assert {role["Ref"] for role in always if role != {"Ref": "AWS::NoValue"}} == expected
    assert not [name for name in IDENTITIES for action in actions(name) if action.startswith("xray:")]
    common = TREE["Globals"]["Function"]
    assert common["Tracing"] == {"If": ["Traces", "Active", "PassThrough"]}
    assert common["Layers"][2:] == [{"If": ["Traces", {"Ref": "TracingLayer"}, {"Ref": "AWS::NoValue"}]}]
    assert TREE["Parameters"]["Tracing"]["Default"] == "false"
    most = max(len(body.get("Layers", [])) for body in FUNCTIONS.values())
    assert len(common["Layers"]) + most <= 5  # Lambda's limit


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_has_its_own_role_and_no_managed_policy(name):
    """A role that SAM makes would have policies of AWS, which cover all queues and logs of the account."""
    role = FUNCTIONS[name]["Role"]["GetAtt"].removesuffix(".Arn")
    assert [other for other in FUNCTIONS if FUNCTIONS[other]["Role"] == FUNCTIONS[name]["Role"]] == [name]
    assert "ManagedPolicyArns" not in RESOURCES[role]["Properties"]
    assert "Policies" not in FUNCTIONS[name]


def test_only_functions_that_need_compiled_code_have_its_layers():
    """tests/unit/test_imports.py checks the imports of the other functions, and test_runtime.py the size."""
    heavy = {name: {layer["Ref"] for layer in body.get("Layers", [])} for name, body in FUNCTIONS.items()}
    assert {name: layers for name, layers in heavy.items() if layers} == {
        "ValidateFunction": {"ReadsLayer", "TablesLayer"},
        "FinishFunction": {"TablesLayer", "ReadsLayer"},
        "BundleFunction": {"ReadsLayer"},
        "InventoryFunction": {"TablesLayer", "ReadsLayer"},
        "CatalogueFunction": {"TablesLayer", "ReadsLayer"},
    }


def test_only_archive_bundle_and_forget_may_delete():
    data = {name: {a for a in actions(name) if a.split(":")[0] in DATA} for name in IDENTITIES}
    deletions = {name: {a for a in all_ if "Delete" in a} - {"sqs:DeleteMessage"} for name, all_ in data.items()}
    assert {name: names for name, names in deletions.items() if names} == {
        "ArchiveFunction": {"s3:DeleteObjectVersion"},
        "BundleFunction": {"s3:DeleteObject", "s3:DeleteObjectVersion"},
        "ForgetFunction": {"s3:DeleteObjectVersion"},
    }
    allowed = [
        (s["Sid"], str(s["Resource"]))
        for name in ("ArchiveFunction", "BundleFunction", "ForgetFunction")
        for s in statements(name)
    ]
    deleting = {sid: resource for sid, resource in allowed if "Delete" in sid or "Empty" in sid}
    assert {sid: sorted(set(re.findall(r"\w+Bucket", resource))) for sid, resource in deleting.items()} == {
        "EmptyLandingVersions": ["LandingBucket"],
        "DeleteArchivedVersions": ["ArchiveBucket"],
        "DeleteResults": ["ResultsBucket"],
    }


def test_the_code_of_models_cannot_read_the_landing_bucket():
    """Models come from labs, so their jobs have another role than the jobs that examine files."""
    readers = {
        name
        for name in IDENTITIES
        for s in statements(name)
        if "s3:GetObject" in as_list(s["Action"]) and "LandingBucket" in str(s["Resource"])
    }
    assert readers == {"ValidateFunction", "ProcessingRole", "ArchiveFunction", "MonitoringRole", "WorkflowRunRole"}
    monitored = [str(s["Resource"]) for s in statements("MonitoringRole") if "LandingBucket" in str(s["Resource"])]
    assert all("truth/*" in resource for resource in monitored if "/" in resource)


def test_every_function_is_deployed_with_a_log_that_expires(repository):
    folders = {path.parent.name for path in (repository / "functions").glob("*/app.py")}
    assert {body["CodeUri"].split("/")[1] for body in FUNCTIONS.values()} == folders
    logs = {name: body for name, body in of_type("AWS::Logs::LogGroup").items() if condition_of(name) != "KeepsJobLogs"}
    assert {body["LoggingConfig"]["LogGroup"]["Ref"] for body in FUNCTIONS.values()} == set(logs)
    assert all(log["RetentionInDays"] for log in logs.values())


def test_the_logs_of_functions_are_under_the_key_and_those_of_jobs_are_left_alone_by_default():
    """The groups of jobs belong to the account: others write to them as well, and they may exist already."""
    logs = of_type("AWS::Logs::LogGroup")
    (statement,) = [
        s for s in RESOURCES["Key"]["Properties"]["KeyPolicy"]["Statement"] if s["Sid"] == "LogsOfFunctions"
    ]
    (context,) = statement["Condition"]["ArnLike"].values()
    assert set(statement["Condition"]["ArnLike"]) == {"kms:EncryptionContext:aws:logs:arn"}
    pattern = context["Sub"].partition(":log-group:")[2]
    jobs = set()
    for name, log in logs.items():
        if RESOURCES[name].get("Condition") == "KeepsJobLogs":
            jobs.add(log["LogGroupName"])
            assert RESOURCES[name]["DeletionPolicy"] == "RetainExceptOnCreate"
            continue
        assert log["KmsKeyId"] == {"GetAtt": "Key.Arn"}
        assert log["LogGroupName"]["Sub"].startswith(pattern.removesuffix("*"))
    assert jobs == {f"/aws/sagemaker/{kind}Jobs" for kind in ("Transform", "Training", "Processing")}
    assert TREE["Parameters"]["JobLogDays"]["Default"] == 0


@pytest.mark.parametrize(
    ("function", "job", "role", "ended"),
    [
        ("StartProcessingFunction", "Processing", "ProcessingRole", "FinishFunction"),
        ("StartTransformFunction", "Transform", "ExecutionRole", "FinishFunction"),
        ("StartTrainingFunction", "Training", "TrainingRole", "FinishFunction"),
        ("MonitorFunction", "Processing", "MonitoringRole", "MonitorFunction"),
    ],
)
def test_each_kind_of_job_is_started_by_one_function_with_one_role(function, job, role, ended):
    """Processing jobs have two purposes, each with a function, a role and names of its own."""
    create = f"sagemaker:Create{job}Job"
    starters = {"StartProcessingFunction", "MonitorFunction"} if job == "Processing" else {function}
    assert {name for name in IDENTITIES if create in actions(name)} == starters
    roles = [s["Resource"] for s in statements(function) if "iam:PassRole" in as_list(s["Action"])]
    assert roles == [{"GetAtt": f"{role}.Arn"}]
    bounded, *_ = [s for s in statements(function) if create in as_list(s["Action"])]
    others = [s for s in statements(function) if f"sagemaker:Describe{job}Job" in as_list(s["Action"])]
    (statement,) = [s for s in others if s["Resource"] == bounded["Resource"]]
    assert "sagemaker:AddTags" in as_list(statement["Action"])
    assert f"sagemaker:Describe{job}Job" in actions(ended)
    patterns = [rule["EventPattern"] for rule in of_type("AWS::Events::Rule").values() if "EventPattern" in rule]
    own = [item for item in patterns if item.get("detail-type") == [f"SageMaker {job} Job State Change"]]
    assert len(own) == len(starters)
    assert all(item["detail"][f"{job}JobStatus"] == ["Completed", "Failed", "Stopped"] for item in own)
    prefix = str(bounded["Resource"]).rsplit("/", 1)[1].split("*")[0]
    assert any(prefix.startswith(item["detail"][f"{job}JobName"][0]["prefix"]) for item in own)


def test_the_function_that_parses_dropped_files_may_start_nothing():
    """A file that takes over the process must not gain a machine with a network and the role of jobs."""
    granted = actions("ValidateFunction")
    assert not [action for action in granted if action.startswith(("sagemaker:", "iam:", "lambda:", "sts:", "events:"))]
    writable = [str(s["Resource"]) for s in statements("ValidateFunction") if "s3:PutObject" in as_list(s["Action"])]
    assert not [resource for resource in writable if "jobs/" in resource or "processing/" in resource]


def test_the_function_that_starts_processing_jobs_reads_no_dropped_file():
    assert not [s for s in statements("StartProcessingFunction") if "LandingBucket" in str(s["Resource"])]


def conditions(function: str, action: str) -> dict:
    (statement,) = [s for s in statements(function) if action in as_list(s["Action"])]
    assert as_list(statement["Action"]) == [action], "other actions lack the keys of its request"
    return statement["Condition"]


def test_a_processing_job_is_bounded_by_its_role():
    """References of IAM disagree on the name of the key's condition; a request has one of the two."""
    create = "sagemaker:CreateProcessingJob"
    bounds = [s for s in statements("StartProcessingFunction") if create in as_list(s["Action"])]
    assert [s["Action"] for s in bounds] == [create, create]
    assert [s["Condition"] for s in bounds] == [
        {
            "ForAllValues:StringEquals": {"sagemaker:InstanceTypes": {"Ref": "ProcessingInstanceType"}},
            "Null": {"sagemaker:InstanceTypes": "false"},
            "NumericLessThanEquals": {"sagemaker:MaxRuntimeInSeconds": LONGEST},
            "ArnEquals": {f"sagemaker:{name}": {"GetAtt": "Key.Arn"}},
        }
        for name in ("VolumeKmsKeyArn", "VolumeKmsKey")
    ]


def test_models_and_trainings_without_isolation_are_refused():
    assert conditions("StartTransformFunction", "sagemaker:CreateModel")["Bool"] == {
        "sagemaker:NetworkIsolation": "true"
    }
    training = conditions("StartTrainingFunction", "sagemaker:CreateTrainingJob")["Bool"]
    assert training == {"sagemaker:NetworkIsolation": {"If": ["IsIsolated", "true", ["true", "false"]]}}
    assert TREE["Conditions"]["IsIsolated"] == {"Equals": [{"Ref": "TrainingIsolation"}, "true"]}
    assert TREE["Parameters"]["TrainingIsolation"]["Default"] == "true"


# Longest values that AWS allows for what a variable refers to, or, for parameters, what a lab may reasonably choose.
STACK, REGION, SUFFIX = "s" * 128, "ap-southeast-99", "amazonaws.com.cn"
IMAGE = f"123456789012.dkr.ecr.{REGION}.{SUFFIX}/{'r' * 100}@sha256:{'0' * 64}"
LONGEST_TAG = "2.6.0-transformers5.5.3-cpu-py312-ubuntu22.04"
PATTERNS = "ml.g4dn.12xlarge," * 20
LONGEST_VALUES = {
    "AWS::DynamoDB::Table": "t" * 255,
    "AWS::S3::Bucket": "b" * 63,
    "AWS::SQS::Queue": f"https://sqs.{REGION}.{SUFFIX}/123456789012/{'q' * 80}",
    # CloudFormation names it after the stack and the resource, with a suffix of 12 characters.
    "AWS::SNS::Topic": f"arn:aws-us-gov:sns:{REGION}:123456789012:{STACK}-Notifications-{'t' * 12}",
    "AWS::Events::EventBus": STACK,
    "AWS::KMS::Key": f"arn:aws-us-gov:kms:{REGION}:123456789012:key/{'k' * 36}",
    "AWS::IAM::Role": f"arn:aws-us-gov:iam::123456789012:role/{'r' * 64}",
}


def measure(value) -> int:
    """Return the greatest length of a variable's value."""
    if not isinstance(value, dict):
        return len(str(value))
    ((kind, argument),) = value.items()
    if kind == "Join":
        return max(256, len(str(TREE["Parameters"][argument[1]["Ref"]]["Default"])))
    if kind == "If":
        return max(map(measure, argument[1:]))
    if kind == "Sub":
        text, names = argument if isinstance(argument, list) else (argument, {})
        return len(text) + len(REGION) + len(SUFFIX) + len(LONGEST_TAG) * len(names)
    if kind == "Join":
        return len(PATTERNS)
    name = argument.removesuffix(".Arn") if kind == "GetAtt" else argument
    if name == "AWS::StackName":
        return len(STACK)
    if ".Outputs." in name:  # of a nested stack: an ARN
        return max(map(len, LONGEST_VALUES.values()))
    if name in RESOURCES:
        return len(LONGEST_VALUES[RESOURCES[name]["Type"]])
    if name.endswith("Image"):
        return len(IMAGE)
    if name.endswith("Subnets"):
        return 16 * len("subnet-0123456789abcdef0,")
    if name.endswith("SecurityGroups"):
        return 5 * len("sg-0123456789abcdef0,")
    parameter = TREE["Parameters"][name]
    return max(len(str(text)) for text in [*parameter.get("AllowedValues", []), parameter.get("MaxValue", 0), "x" * 24])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_variables_of_a_function_fit_lambda_with_room_for_more(name):
    """Lambda refuses more than 4096 bytes. Its message shows that it measures the variables as a JSON object."""
    common = TREE["Globals"]["Function"]["Environment"]["Variables"]
    variables = common | FUNCTIONS[name].get("Environment", {}).get("Variables", {})
    size = 2 + sum(len(f'"{variable}":"",') + measure(value) for variable, value in variables.items())
    assert size <= 4096 - 256


@pytest.mark.parametrize("name", ["ExecutionRole", "ProcessingRole", "TrainingRole"])
def test_jobs_have_every_action_on_the_key_that_sagemaker_names_for_encrypted_outputs(name):
    """Source: the developer guide's minimum policies of execution roles (CreateTrainingJob, CreateProcessingJob)."""
    granted = {
        action for s in statements(name) if s["Resource"] == {"GetAtt": "Key.Arn"} for action in as_list(s["Action"])
    }
    assert {"kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"} <= granted


def test_services_may_use_the_key_for_this_account_only_where_they_name_the_account():
    """EventBridge does not, for the keys of encrypted topics; the policies of the queues name its rules."""
    bounded = {
        s["Principal"]["Service"]
        for s in RESOURCES["Key"]["Properties"]["KeyPolicy"]["Statement"]
        if s.get("Condition") == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    }
    assert bounded == {"cloudwatch.amazonaws.com", "budgets.amazonaws.com", "s3.amazonaws.com"}


def test_the_budget_is_made_when_it_may_publish():
    assert RESOURCES["Budget"]["DependsOn"] == "NotificationsPolicy"


def test_jobs_may_encrypt_their_volumes_with_the_key():
    """Jobs whose requests have a key for the volume need to create a grant on it."""
    identities = {name for name in IDENTITIES if "kms:CreateGrant" in actions(name)}
    assert identities == {"ProcessingRole", "TrainingRole", "MonitoringRole"}


def test_a_training_job_writes_only_checkpoints_and_outputs():
    written = [s for s in statements("TrainingRole") if "s3:PutObject" in as_list(s["Action"])]
    assert sorted(str(s["Resource"]) for s in written) == [
        "{'Sub': '${WorkBucket.Arn}/checkpoints/*'}",
        "{'Sub': '${WorkBucket.Arn}/jobs/*/output/*'}",
    ]


def test_jobs_of_every_kind_may_join_the_subnets_of_the_stack_and_no_others():
    """Roles may create network interfaces only if the stack has subnets."""
    assert RESOURCES["JobNetworkPolicy"]["Condition"] == "HasJobSubnets"
    *always, monitoring = RESOURCES["JobNetworkPolicy"]["Properties"]["Roles"]
    assert {role["Ref"] for role in always} == {"ExecutionRole", "ProcessingRole", "TrainingRole"}
    assert monitoring == {"If": ["MonitoringOn", {"Ref": "MonitoringRole"}, {"Ref": "AWS::NoValue"}]}
    assert not [action for name in IDENTITIES for action in actions(name) if action.startswith("ec2:")]


def test_the_ledger_can_be_restored_and_expires_only_records_with_a_date():
    properties = RESOURCES["Ledger"]["Properties"]
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    ttl = properties["TimeToLiveSpecification"]
    assert ttl == {"AttributeName": "expires_at", "Enabled": True}
    assert ttl["AttributeName"] in Upload.__dataclass_fields__


def test_s3_may_write_inventories_of_the_archive_bucket_only():
    """Where S3 writes, what the rule waits for, and what the bucket's policy allows are the same prefix."""
    (inventory,) = BUCKETS["ArchiveBucket"]["InventoryConfigurations"]
    destination = inventory["Destination"]
    assert destination["BucketArn"] == {"GetAtt": "ResultsBucket.Arn"}
    assert destination["Prefix"] + "/" == keys.INVENTORIES
    assert inventory["IncludedObjectVersions"] == "All"
    assert {"Size", "LastModifiedDate", "StorageClass", "ETag"} <= set(inventory["OptionalFields"])
    statement = RESOURCES["ResultsBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"][1]
    assert (statement["Effect"], statement["Principal"]) == ("Allow", {"Service": "s3.amazonaws.com"})
    assert (statement["Action"], statement["Resource"]) == (
        "s3:PutObject",
        {"Sub": f"${{ResultsBucket.Arn}}/{keys.INVENTORIES}*"},
    )
    assert statement["Condition"]["ArnLike"] == {"aws:SourceArn": {"GetAtt": "ArchiveBucket.Arn"}}
    assert statement["Condition"]["StringEquals"]["aws:SourceAccount"] == {"Ref": "AWS::AccountId"}
    (wildcard,) = RESOURCES["InventoriedRule"]["Properties"]["EventPattern"]["detail"]["object"]["key"]
    assert wildcard["wildcard"] == f"{keys.INVENTORIES}*/manifest.checksum"


@pytest.mark.parametrize("name", IDENTITIES)
def test_no_identity_may_write_to_the_landing_bucket(name):
    """A write of Seqdrop must not trigger Seqdrop, unless a person ordered it by `seqdrop restore --run`.

    Such a copy is closed as a duplicate of its original, so it triggers nothing else.
    """
    if name == "RestoreFunction":
        return
    writes = {"s3:PutObject", "s3:*", "s3:DeleteObject", "s3:RestoreObject"}
    if name == "BundleFunction":
        writes -= {"s3:DeleteObject"}  # S3 requires it to delete many versions at once; a marker causes no event here
    landing = [s for s in statements(name) if "LandingBucket" in str(s["Resource"])]
    assert not [s for s in landing if writes & set(as_list(s["Action"]))]
