"""The environment of a function of a deployed stack, for a process outside the embedded Lambda."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.deploy import STACK

if TYPE_CHECKING:
    from local.embedded import EmbeddedAws


def environment_of(aws: EmbeddedAws, function: str, stack: str = STACK) -> dict[str, str]:
    """Return the variables of a function, by its logical id, and credentials of its role."""
    name = physical_id(aws, function, stack)
    configuration = aws.client("lambda").get_function_configuration(FunctionName=name)
    response = aws.client("sts").assume_role(RoleArn=configuration["Role"], RoleSessionName="emulator")
    keys = response["Credentials"]
    return {
        **configuration["Environment"]["Variables"],
        **aws.settings(),
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
    }


def physical_id(aws: EmbeddedAws, resource: str, stack: str = STACK) -> str:
    """Return the physical id of a resource of a stack: the name of a function, the URL of a queue."""
    response = aws.client("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId=resource)
    return response["StackResourceDetail"]["PhysicalResourceId"]
