"""What the embedded AWS adds for the catalogue: saved queries, parameters, enforced workgroups, Lake Formation."""

from __future__ import annotations

import io
import json
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError, WaiterError

from local.testing import unique_name

pytest_plugins = ["local.fixtures"]
pytestmark = pytest.mark.long  # many stacks


@pytest.fixture
def deploy(aws):
    """Return a function that creates a stack of these resources, and returns the physical id of each."""
    client = aws.client("cloudformation")

    def create(resources: dict) -> dict[str, str]:
        name = unique_name("stack")
        request = {"TemplateBody": json.dumps({"Resources": resources}), "Capabilities": ["CAPABILITY_IAM"]}
        client.create_stack(StackName=name, **request)
        waiter = client.get_waiter("stack_create_complete")
        waiter.wait(StackName=name, WaiterConfig={"Delay": 0.2, "MaxAttempts": 60})
        described = client.describe_stack_resources(StackName=name)["StackResources"]
        return {"stack": name} | {it["LogicalResourceId"]: it["PhysicalResourceId"] for it in described}

    return create


@pytest.fixture
def bucket(aws) -> str:
    name = unique_name("rows")
    aws.client("s3").create_bucket(Bucket=name)
    return name


def database(name: str) -> dict:
    return {"Type": "AWS::Glue::Database", "Properties": {"CatalogId": "0", "DatabaseInput": {"Name": name}}}


def table(database: str, location: str, **more) -> dict:
    columns = [{"Name": "sample", "Type": "string"}, {"Name": "reads", "Type": "bigint"}]
    serde = {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"}
    entry = {
        "Name": "samples",
        "Parameters": {"classification": "parquet"},
        "StorageDescriptor": {"Location": location, "Columns": columns, "SerdeInfo": serde},
        **more,
    }
    return {
        "Type": "AWS::Glue::Table",
        "DependsOn": "Database",
        "Properties": {"CatalogId": "0", "DatabaseName": database, "TableInput": entry},
    }


def put_rows(aws, bucket: str, key: str) -> None:
    body = io.BytesIO()
    pq.write_table(pa.table({"sample": ["S1", "it's"], "reads": [1, 2]}), body)
    aws.client("s3").put_object(Bucket=bucket, Key=key, Body=body.getvalue())


def ask(aws, query: str, workgroup: str = "primary", **more) -> list[list[str]]:
    athena = aws.client("athena")
    started = athena.start_query_execution(QueryString=query, WorkGroup=workgroup, **more)["QueryExecutionId"]
    deadline = time.monotonic() + 30
    while (execution := athena.get_query_execution(QueryExecutionId=started)["QueryExecution"])["Status"]["State"] in (
        "QUEUED",
        "RUNNING",
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
    rows = athena.get_query_results(QueryExecutionId=started)["ResultSet"]["Rows"]
    return [[cell.get("VarCharValue") for cell in row["Data"]] for row in rows[1:]]


@pytest.fixture
def samples(aws, deploy, bucket) -> dict:
    """A database with a table of two rows, and where answers go."""
    name = unique_name("db").replace("-", "_").lower()
    put_rows(aws, bucket, "samples/a.parquet")
    deploy({"Database": database(name), "Table": table(name, f"s3://{bucket}/samples/")})
    place = {"OutputLocation": f"s3://{bucket}/anywhere/"}
    return {"QueryExecutionContext": {"Database": name}, "ResultConfiguration": place}


def test_a_saved_query_is_found_in_its_workgroup_until_its_stack_is_deleted(aws, deploy):
    athena, workgroup = aws.client("athena"), unique_name("group")
    query = {"Name": "all", "Database": "db", "QueryString": "SELECT 1", "WorkGroup": workgroup}
    ids = deploy(
        {
            "Group": {"Type": "AWS::Athena::WorkGroup", "Properties": {"Name": workgroup}},
            "Query": {"Type": "AWS::Athena::NamedQuery", "Properties": query, "DependsOn": "Group"},
        }
    )
    (listed,) = athena.list_named_queries(WorkGroup=workgroup)["NamedQueryIds"]
    assert listed == ids["Query"]
    (saved,) = athena.batch_get_named_query(NamedQueryIds=[listed])["NamedQueries"]
    assert (saved["Name"], saved["QueryString"]) == ("all", "SELECT 1")
    client = aws.client("cloudformation")
    client.delete_stack(StackName=ids["stack"])
    client.get_waiter("stack_delete_complete").wait(StackName=ids["stack"], WaiterConfig={"Delay": 0.2})
    assert athena.list_named_queries(WorkGroup=workgroup)["NamedQueryIds"] == []


class TestParameters:
    def test_each_question_mark_has_its_literal(self, aws, samples):
        query = "SELECT reads, '?' FROM samples WHERE sample = ? AND reads < ? -- why?"
        rows = ask(aws, query, ExecutionParameters=["'it''s'", "3"], **samples)
        assert rows == [["2", "?"]]

    @pytest.mark.parametrize("parameters", [[], ["'a'"], ["1", "2", "3"]])
    def test_their_number_must_be_right(self, aws, samples, parameters):
        more = {"ExecutionParameters": parameters} if parameters else {}
        with pytest.raises(ClientError, match="expected 2 but found"):
            ask(aws, "SELECT ? FROM samples WHERE reads = ?", **more, **samples)


@pytest.mark.parametrize("is_enforced", [True, False])
def test_the_place_of_answers_is_that_of_the_workgroup_if_it_is_enforced(aws, deploy, bucket, samples, is_enforced):
    workgroup = unique_name("group")
    configuration = {
        "EnforceWorkGroupConfiguration": is_enforced,
        "ResultConfiguration": {"OutputLocation": f"s3://{bucket}/enforced/"},
    }
    properties = {"Name": workgroup, "WorkGroupConfiguration": configuration}
    deploy({"Group": {"Type": "AWS::Athena::WorkGroup", "Properties": properties}})
    ask(aws, "SELECT count(*) FROM samples", workgroup, **samples)
    listed = aws.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    folders = {entry["Key"].split("/")[0] for entry in listed} - {"samples"}
    assert folders == {"enforced" if is_enforced else "anywhere"}


def test_partitions_are_not_computed(aws, deploy, bucket):
    """On AWS, the folders of a projection need not be of the form key=value."""
    name = unique_name("db").replace("-", "_").lower()
    projection = {
        "projection.enabled": "true",
        "projection.month.type": "enum",
        "projection.month.values": "2026-02",
        "storage.location.template": f"s3://{bucket}/plain/${{month}}/",
        "classification": "parquet",
    }
    put_rows(aws, bucket, "plain/2026-02/a.parquet")
    keys = {"PartitionKeys": [{"Name": "month", "Type": "string"}], "Parameters": projection}
    deploy({"Database": database(name), "Table": table(name, f"s3://{bucket}/plain/", **keys)})
    place = {"OutputLocation": f"s3://{bucket}/answers/"}
    context = {"QueryExecutionContext": {"Database": name}, "ResultConfiguration": place}
    assert ask(aws, "SELECT count(*) FROM samples", **context) == [["2"]]
    with pytest.raises(AssertionError, match="month"):
        ask(aws, "SELECT count(*) FROM samples WHERE month = '2026-02'", **context)


def lake(kind: str, **properties) -> dict:
    return {"Type": f"AWS::LakeFormation::{kind}", "Properties": properties}


class TestLakeFormation:
    @pytest.fixture
    def resources(self, bucket) -> dict:
        """A tagged column, a filter, and grants on both to a role."""
        name, key = unique_name("db").replace("-", "_").lower(), unique_name("tag")
        trusts = {
            "Effect": "Allow",
            "Principal": {"Service": "lakeformation.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
        policy = {"Version": "2012-10-17", "Statement": [trusts]}
        role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": policy}}
        arn = {"Fn::GetAtt": ["Role", "Arn"]}
        where = {"CatalogId": "0", "DatabaseName": name, "Name": {"Ref": "Table"}, "ColumnNames": ["sample"]}
        tag = {"CatalogId": "0", "TagKey": {"Ref": "Tag"}, "TagValues": ["names"]}
        cells = {"TableCatalogId": "0", "DatabaseName": name, "TableName": {"Ref": "Table"}, "Name": "few"}
        expression = [{"TagKey": {"Ref": "Tag"}, "TagValues": ["names"]}]
        by_tag = {"LFTagPolicy": {"CatalogId": "0", "ResourceType": "TABLE", "Expression": expression}}
        grant = {"Principal": {"DataLakePrincipalIdentifier": arn}, "Permissions": ["SELECT"]}
        rows = {"FilterExpression": "reads > 1"}
        return {
            "Database": database(name),
            "Table": table(name, f"s3://{bucket}/samples/"),
            "Role": role,
            "Location": lake("Resource", ResourceArn=f"arn:aws:s3:::{bucket}/samples", RoleArn=arn),
            "Tag": lake("Tag", TagKey=key, TagValues=["names", "other"]),
            "Tagged": lake("TagAssociation", Resource={"TableWithColumns": where}, LFTags=[tag]),
            "Cells": lake("DataCellsFilter", **cells, RowFilter=rows, ColumnNames=["reads"]),
            "ByTag": lake("PrincipalPermissions", Resource=by_tag, **grant),
            "ByCells": lake("PrincipalPermissions", Resource={"DataCellsFilter": cells}, **grant)
            | {"DependsOn": "Cells"},
        }

    def test_grants_hide_nothing(self, aws, deploy, bucket, resources):
        put_rows(aws, bucket, "samples/a.parquet")
        deploy(resources)
        name = resources["Database"]["Properties"]["DatabaseInput"]["Name"]
        context = {
            "QueryExecutionContext": {"Database": name},
            "ResultConfiguration": {"OutputLocation": f"s3://{bucket}/answers/"},
        }
        assert ask(aws, "SELECT sample FROM samples ORDER BY reads", **context) == [["S1"], ["it's"]]

    @pytest.mark.parametrize(
        ("name", "path", "value"),
        [
            ("Location", ("ResourceArn",), "arn:aws:s3:::no-such-bucket/x"),
            ("Tagged", ("LFTags", 0, "TagValues"), ["unknown"]),
            ("Tagged", ("Resource", "TableWithColumns", "ColumnNames"), ["unknown"]),
            ("Cells", ("ColumnNames",), ["unknown"]),
            ("Cells", ("TableName",), "unknown"),
            ("ByTag", ("Permissions",), ["READ"]),
            ("ByTag", ("Principal", "DataLakePrincipalIdentifier"), "arn:aws:iam::0:role/unknown"),
            ("ByTag", ("Resource", "LFTagPolicy", "Expression", 0, "TagKey"), "unknown"),
            ("ByCells", ("Resource", "DataCellsFilter", "Name"), "unknown"),
        ],
    )
    def test_a_declaration_that_names_what_is_not_there_fails(self, deploy, resources, name, path, value):
        part = resources[name]["Properties"]
        *parents, last = path
        for key in parents:
            part = part[key]
        part[last] = value
        with pytest.raises(WaiterError):
            deploy(resources)
