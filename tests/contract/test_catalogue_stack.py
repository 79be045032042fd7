"""stacks/catalogue.yaml: its tables are those of the Parquet files, and its grants show each role what they should."""

from __future__ import annotations

import copy

import duckdb
import pytest
from samcli.yamlhelper import yaml_parse
from seqdrop.aws import keys
from seqdrop.catalogue.schema import ACCEPTED, PARTITION, SENSITIVE, TABLES
from seqdrop_cli.catalogue import QUESTIONS
from seqdrop_cli.commands import catalogue as command

from tests.support.grants import Grants
from tests.support.reviewers.findings import EVERYTHING
from tests.support.reviewers.resolved import Resolved
from tools.nested_stacks import merge_stacks

GLUE = {"text": "string", "whole": "bigint", "number": "double", "truth": "boolean"}
PROJECT = "liver"


@pytest.fixture(scope="module")
def template(repository) -> dict:
    return merge_stacks(yaml_parse((repository / "template.yaml").read_text()), repository)


@pytest.fixture(scope="module")
def resolved(template) -> Resolved:
    return Resolved(template, EVERYTHING)


@pytest.fixture(scope="module")
def tables(resolved) -> dict[str, dict]:
    return {body["TableInput"]["Name"]: body["TableInput"] for body in resolved.of_type("AWS::Glue::Table").values()}


class TestTables:
    @pytest.mark.parametrize("name", TABLES)
    def test_columns_are_those_of_the_files(self, tables, name):
        declared = [(column["Name"], column["Type"]) for column in tables[name]["StorageDescriptor"]["Columns"]]
        assert declared == [(column.name, GLUE[column.type]) for column in TABLES[name]]
        assert [key["Name"] for key in tables[name]["PartitionKeys"]] == [PARTITION]

    @pytest.mark.parametrize("name", TABLES)
    def test_folders_of_months_are_computed(self, tables, resolved, name):
        parameters, bucket = tables[name]["Parameters"], resolved.physical_id("ResultsBucket")
        assert parameters["projection.enabled"] == "true"
        place = parameters["storage.location.template"].replace("${month}", "2026-02")
        assert place == f"s3://{bucket}/{keys.catalogue_rows(name, '2026-02', 'x').removesuffix('x.parquet')}"
        assert tables[name]["StorageDescriptor"]["Location"] == f"s3://{bucket}/{keys.catalogue_table(name)}"

    def test_there_are_no_other_tables_and_no_crawler(self, tables, resolved):
        assert set(tables) == {*TABLES, "genes"}
        assert resolved.of_type("AWS::Glue::Crawler") == {}


def test_queries_are_bounded_encrypted_and_forgotten(resolved):
    (workgroup,) = resolved.of_type("AWS::Athena::WorkGroup").values()
    configuration = workgroup["WorkGroupConfiguration"]
    assert configuration["EnforceWorkGroupConfiguration"] is True
    assert int(configuration["BytesScannedCutoffPerQuery"]) == 10_000_000_000
    place = configuration["ResultConfiguration"]
    assert place["OutputLocation"] == f"s3://{resolved.physical_id('WorkBucket')}/{keys.ANSWERS}"  # it expires there
    assert place["EncryptionConfiguration"] == {"EncryptionOption": "SSE_KMS", "KmsKey": resolved.arn("Key")}


def test_the_command_knows_the_saved_queries(resolved):
    queries = {body["Name"]: body for body in resolved.of_type("AWS::Athena::NamedQuery").values()}
    assert tuple(queries) == tuple(QUESTIONS) == command.QUESTIONS
    for name, query in queries.items():
        assert query["QueryString"].count("?") == (1 if QUESTIONS[name].parameter else 0)
        assert query["Description"].lower().startswith(QUESTIONS[name].text[:12])


def check_manager(grants: Grants) -> None:
    view = grants.view("Manager")
    assert set(view) == {*TABLES, "genes"}
    for name, table in view.items():
        assert table.columns == set(grants.columns[name])
        assert [rows for _, rows in table.grants] == ["true"]


def check_analyst(grants: Grants) -> None:
    """The analyst sees no column with names, and only rows of the project, of uploads only the accepted ones."""
    view = grants.view("Analyst")
    assert set(view) == {*TABLES, "genes"}
    assert view["genes"].columns == set(grants.columns["genes"])
    for name in TABLES:
        assert view[name].columns == set(grants.columns[name]) - SENSITIVE
        for _, rows in view[name].grants:
            assert seen_rows(rows) == expected_rows(name), (name, rows)


EXAMPLES = [(project, state) for project in (PROJECT, "heart", None) for state in (*ACCEPTED, "REJECTED", "FORGOTTEN")]


def seen_rows(condition: str) -> list[tuple]:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE rows (project VARCHAR, state VARCHAR)")
        connection.executemany("INSERT INTO rows VALUES (?, ?)", EXAMPLES)
        return connection.execute(f"SELECT * FROM rows WHERE {condition}").fetchall()


def expected_rows(table: str) -> list[tuple]:
    return [
        (project, state)
        for project, state in EXAMPLES
        if project == PROJECT and (table != "uploads" or state in ACCEPTED)
    ]


class TestGrants:
    @pytest.fixture
    def planted(self, template):
        """Return the template for a test to change."""
        return copy.deepcopy(template)

    def test_each_role_sees_what_it_should(self, template):
        grants = Grants(template, LakeFormationProject=PROJECT)
        check_manager(grants)
        check_analyst(grants)

    @pytest.mark.parametrize("table", TABLES)
    def test_every_column_that_may_name_a_person_is_tagged(self, template, table):
        grants = Grants(template)
        tagged = {column for column in grants.columns[table] if "names" in grants._tags(table, column).values()}
        assert tagged == SENSITIVE & set(grants.columns[table])

    def test_a_tag_that_is_missing_is_noticed(self, planted):
        """Without its tag, a column has that of its table, and a manager without names would see it."""
        del planted["Resources"]["CallsNamesTags"]
        grants = Grants(planted, LakeFormationProject=PROJECT)
        assert not any("names" in grants._tags("calls", column).values() for column in grants.columns["calls"])

    def test_a_grant_on_the_tag_of_tables_is_noticed(self, planted):
        """It would show the analyst all rows, beside the filter."""
        planted["Resources"]["AnalystReadsGenes"]["Properties"]["Resource"]["LFTagPolicy"]["Expression"].pop()
        with pytest.raises(AssertionError):
            check_analyst(Grants(planted, LakeFormationProject=PROJECT))

    def test_a_filter_without_its_rows_is_noticed(self, planted):
        body = planted["Resources"]["UploadsOfAnalyst"]["Properties"]
        body["RowFilter"] = {"FilterExpression": f"project = '{PROJECT}'"}
        with pytest.raises(AssertionError, match="uploads"):
            check_analyst(Grants(planted, LakeFormationProject=PROJECT))

    def test_a_column_that_is_not_excluded_is_noticed(self, planted):
        planted["Resources"]["CallsOfAnalyst"]["Properties"]["ColumnWildcard"]["ExcludedColumnNames"] = ["run"]
        with pytest.raises(AssertionError):
            check_analyst(Grants(planted, LakeFormationProject=PROJECT))

    def test_a_grant_to_the_wrong_role_is_noticed(self, planted):
        principal = planted["Resources"]["ManagerReadsTables"]["Properties"]["Principal"]
        principal["DataLakePrincipalIdentifier"] = {"Fn::GetAtt": ["Analyst", "Arn"]}
        grants = Grants(planted, LakeFormationProject=PROJECT)
        with pytest.raises(AssertionError):
            check_analyst(grants)
        with pytest.raises(AssertionError):
            check_manager(grants)

    def test_new_tables_are_not_open_to_everybody_whom_iam_allows(self, template):
        governed, plain = (Resolved(template, EVERYTHING | {"LakeFormation": value}) for value in ("true", "false"))
        (database,) = governed.of_type("AWS::Glue::Database").values()
        assert database["DatabaseInput"]["CreateTableDefaultPermissions"] == []
        (database,) = plain.of_type("AWS::Glue::Database").values()
        assert "CreateTableDefaultPermissions" not in database["DatabaseInput"]

    def test_with_lake_formation_rows_are_read_through_it_only(self, template):
        """Else the bucket could be read beside the grants."""
        for value, actions in (("true", {"lakeformation:GetDataAccess"}), ("false", {"s3:GetObject"})):
            policy = Resolved(template, EVERYTHING | {"LakeFormation": value}).resource("ReaderPolicy")
            statements = policy["Properties"]["PolicyDocument"]["Statement"]
            rows = [each for each in statements if each["Sid"].startswith("ReadRows")]
            assert {each["Action"] for each in rows} == actions
            catalogue = [each for each in statements if "/catalogue/*" in str(each["Resource"])]
            assert len(catalogue) == (value == "false")


@pytest.mark.parametrize(
    ("catalogue", "governed", "kinds"),
    [
        ("false", "true", set()),
        ("true", "false", {"Glue", "Athena"}),
        ("true", "true", {"Glue", "Athena", "LakeFormation"}),
    ],
)
def test_what_exists_with_each_switch(template, catalogue, governed, kinds):
    resolved = Resolved(template, EVERYTHING | {"Catalogue": catalogue, "LakeFormation": governed})
    services = {template["Resources"][name]["Type"].split("::")[1] for name in resolved.names}
    assert services & {"Glue", "Athena", "LakeFormation"} == kinds
