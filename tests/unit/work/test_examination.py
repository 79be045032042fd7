"""The stored examination can be read by functions of an earlier version that are at work during an upgrade."""

import json

from seqdrop.aws import keys
from seqdrop.kinds.plans import packaged
from seqdrop.work.examination import Examination, load, save

from tests.support.aws.account import Account
from tests.support.services import direct_services

# The fields of version 0.2 (commit 157adf1), which refuses any other.
KNOWN = {"upload_id", "plan", "report", "rejection", "shards", "items", "taken", "distinct"} | {
    "sha256_of_parts",
    "masks",
    "run",
    "number",
}


def test_the_body_has_no_field_that_version_0_2_refuses_and_nothing_is_lost():
    s3 = direct_services(Account()).s3
    plan = packaged().by_name["reads"].as_json()
    examination = Examination("A" * 26, plan, {"valid": True}, shards=1, items=2, taken=3, distinct=3, windows=9)
    save(s3, "work", examination)
    body = json.loads(s3.get_object(Bucket="work", Key=keys.examination("A" * 26))["Body"].read())
    assert body.keys() == KNOWN
    assert load(s3, "work", "A" * 26) == examination


def test_an_examination_of_version_0_2_has_no_windows():
    s3 = direct_services(Account()).s3
    content = dict.fromkeys(KNOWN) | {"upload_id": "A" * 26, "plan": "{}", "report": {}, "number": 1}
    s3.put_object(Bucket="work", Key=keys.examination("A" * 26), Body=json.dumps(content).encode())
    assert load(s3, "work", "A" * 26).windows == 0
