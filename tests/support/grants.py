"""What Lake Formation's grants in stacks/catalogue.yaml let a role see: a simulation of its rules.

The rules, by the developer guide: a table and its columns inherit the LF-Tags of the database, and their own value of a
tag replaces the inherited one. A grant on an LF-Tag expression covers a table if the table's tags fulfil all parts of
the expression, and then the columns that fulfil them as well. A data cells filter covers its columns and rows. What
a role sees is the union of its grants.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support.reviewers.findings import EVERYTHING
from tests.support.reviewers.resolved import Resolved

if TYPE_CHECKING:
    from collections.abc import Iterator

ALL_ROWS = "true"
Tags = dict[str, str]


@dataclass
class View:
    """What a role sees of a table: (columns, filter of rows) of each grant."""

    grants: list[tuple[frozenset[str], str]] = field(default_factory=list)

    @property
    def columns(self) -> frozenset[str]:
        return frozenset().union(*(columns for columns, _ in self.grants))


class Grants:
    """The grants of a template."""

    def __init__(self, template: dict[str, Any], **parameters: str):
        self._template = Resolved(template, EVERYTHING | parameters)
        self.columns = {
            self._named("AWS::Glue::Table", name): [
                column["Name"] for column in body["TableInput"]["StorageDescriptor"]["Columns"]
            ]
            for name, body in self._of("AWS::Glue::Table").items()
        }

    def view(self, role: str) -> dict[str, View]:
        """Return what the role with this logical name sees, by table; those that it cannot see are absent."""
        views: dict[str, View] = {}
        for grant in self._of("AWS::LakeFormation::PrincipalPermissions").values():
            if grant["Principal"]["DataLakePrincipalIdentifier"] != self._template.arn(role):
                continue
            if "SELECT" in grant["Permissions"]:
                for table, columns, rows in self._covered(grant["Resource"]):
                    views.setdefault(table, View()).grants.append((frozenset(columns), rows))
        return views

    def _covered(self, resource: dict[str, Any]) -> Iterator[tuple[str, list[str], str]]:
        if policy := resource.get("LFTagPolicy"):
            wanted = {part["TagKey"]: part["TagValues"] for part in policy["Expression"]}
            for table, columns in self.columns.items():
                tags = self._tags(table)
                if policy["ResourceType"] == "TABLE" and _fulfils(tags, wanted):
                    yield table, [it for it in columns if _fulfils(tags | self._tags(table, it), wanted)], ALL_ROWS
        elif cells := resource.get("DataCellsFilter"):
            (body,) = [
                each
                for each in self._of("AWS::LakeFormation::DataCellsFilter").values()
                if each["Name"] == cells["Name"]
            ]
            table, hidden = self._table_of(body["TableName"]), body["ColumnWildcard"]["ExcludedColumnNames"]
            yield table, [it for it in self.columns[table] if it not in hidden], body["RowFilter"]["FilterExpression"]
        elif table := resource.get("Table"):
            name = self._table_of(table["Name"])
            yield name, self.columns[name], ALL_ROWS

    def _tags(self, table: str, column: str = "") -> Tags:
        """Return the tags of a table, with those of its database; or only the own tags of a column."""
        tags: Tags = {}
        for body in self._of("AWS::LakeFormation::TagAssociation").values():
            resource = body["Resource"]
            own = {tag["TagKey"]: tag["TagValues"][0] for tag in body["LFTags"]}
            if column:
                part = resource.get("TableWithColumns", {})
                if part and self._table_of(part["Name"]) == table and column in part["ColumnNames"]:
                    tags |= own
            elif "Database" in resource:
                tags = own | tags
            elif "Table" in resource and self._table_of(resource["Table"]["Name"]) == table:
                tags |= own
        return tags

    def _of(self, kind: str) -> dict[str, dict[str, Any]]:
        return self._template.of_type(kind)

    def _named(self, kind: str, logical: str) -> str:
        return str(self._of(kind)[logical]["TableInput"]["Name"])

    def _table_of(self, reference: str) -> str:
        """Return the name of a table that a declaration refers to by its resource."""
        return self._named("AWS::Glue::Table", reference.removeprefix("seqdrop-"))


def _fulfils(tags: Tags, wanted: dict[str, list[str]]) -> bool:
    return all(tags.get(key) in values for key, values in wanted.items())
