"""The client of HealthOmics: hosts, tries, and the lookup of runs by name."""

import pytest
from seqdrop.aws.omics import describe_run, find_run_named, make_client

from tests.support.aws.direct import Client


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [("", "https://workflows-omics.us-east-1.amazonaws.com"), ("http://127.0.0.1:4566", "http://127.0.0.1:4566")],
)
def test_the_prefix_of_the_host_is_for_aws_only(monkeypatch, cloud, endpoint, host):
    if endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    client, urls = make_client(), []
    client.meta.events.register_first("before-call", lambda params, **_: urls.append(params["url"]))
    client.list_runs(name="x")
    assert urls == [f"{host}/run?name=x"]
    assert client.meta.config.retries["total_max_attempts"] == 1


class Listing:
    """A client whose listing has two pages."""

    def list_runs(self, **request):
        if "startingToken" not in request:
            return {"items": [{"id": "1", "name": "job-10"}], "nextToken": "2"}
        return {"items": [{"id": "2", "name": "job-1"}]}


def test_a_run_is_found_on_any_page_by_its_exact_name():
    assert find_run_named(Listing(), "job-1") == "2"
    assert find_run_named(Listing(), "job") == ""


def test_a_run_that_is_gone_is_deleted(cloud):
    run = describe_run(Client(cloud, "omics"), "7")
    assert (run.end, run.reason) == ("FAILED", "its run was deleted in HealthOmics before its end was recorded")
