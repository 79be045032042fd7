"""`seqdrop predict --endpoint`: the files of a job from the responses of an endpoint; errors say what to do."""

from __future__ import annotations

import io
import json
import threading

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from seqdrop.aws import keys
from seqdrop.kinds.plans import packaged
from seqdrop.models import pointers
from seqdrop.models.archives import push_archive
from seqdrop_cli.deploy.archive import pack_model, unpack
from seqdrop_cli.endpoint_model import IN_FLIGHT, EndpointError, EndpointModel, Requests
from seqdrop_cli.handler import Handler
from seqdrop_cli.request_sizes import FIRST, LARGEST, MOST, ItemTooLargeError, RequestSizes

NAME, CONFIGURATION = "lab-contigs", "lab-contigs-0123456789ab"
CONTIGS = packaged().by_name["contigs"]
SEQUENCES = ["ACGTTGCATC" * 90, "TTGACATATAATGC" * 40, "ACGT"]


class Endpoint:
    """An endpoint's runtime client, with the handler of an archive behind it; and the sizes that it was sent."""

    def __init__(self, handler):
        self._handler, self._lock, self.sizes = handler, threading.Lock(), []

    def invoke_endpoint(self, **request: object) -> dict:
        assert request["EndpointName"] == NAME
        assert request["ContentType"] == request["Accept"] == "application/jsonlines"
        with self._lock:
            self.sizes.append(len(request["Body"]))
            return {"Body": io.BytesIO(b"\n".join(self._handler.ask(request["Body"])))}


class SageMaker:
    """The descriptions of an endpoint; `configurations` are returned one after the other."""

    def __init__(self, key: str, *configurations: str, **more: object):
        self._key, self._configurations, self._more = key, list(configurations), more

    def describe_endpoint(self, **_: object) -> dict:
        first = self._configurations[0]
        if len(self._configurations) > 1:
            del self._configurations[0]
        return {"EndpointStatus": "InService", "EndpointConfigName": first, **self._more}

    def describe_endpoint_config(self, **_: object) -> dict:
        return {"ProductionVariants": [{"ModelName": "m"}]}

    def describe_model(self, **_: object) -> dict:
        return {"PrimaryContainer": {"ModelDataSource": {"S3DataSource": {"S3Uri": f"s3://models/{self._key}"}}}}


class Target:
    """A stack with one endpoint."""

    stack, models, endpoint = "lab", "models", None

    def __init__(self, s3, sagemaker, runtime):
        self._clients = {"s3": s3, "sagemaker": sagemaker, "sagemaker-runtime": runtime}
        self.session = self

    @property
    def client_config(self):
        return Config()

    def client(self, name: str, **_: object):
        return self._clients[name]


@pytest.fixture(scope="module")
def archive(repository) -> bytes:
    return pack_model(repository / "model_code/dnabert/seeds/promoter-300")


@pytest.fixture
def handler(archive):
    with unpack(archive) as folder, Handler(folder, CONTIGS.kind.environment(CONTIGS)) as process:
        yield process


@pytest.fixture
def key(archive, services) -> str:
    """Return the key of an archive that the model's pointer names."""
    return push_archive(services.s3, "models", CONTIGS.settings.model, archive, "2026-12-01T00:00:00Z").key


@pytest.fixture
def fasta(tmp_path):
    path = tmp_path / "a.fa"
    path.write_text("".join(f">s{number}\n{sequence}\n" for number, sequence in enumerate(SEQUENCES)))
    return path


@pytest.fixture
def serve(use_target, services, key, request):
    """Return a function that makes commands use a stack with the endpoint, which has these configurations in turn."""

    def start(*configurations: str) -> None:
        process = request.getfixturevalue("handler")
        use_target(Target(services.s3, SageMaker(key, *configurations), Endpoint(process)))

    return start


def make_model(services, sagemaker, runtime=None) -> EndpointModel:
    return EndpointModel(Target(services.s3, sagemaker, runtime), NAME, CONTIGS.settings.model)


# ---------------------------------------------------------------- files


def test_the_files_are_those_of_a_prediction_on_this_machine(seqdrop, serve, key, archive, fasta, tmp_path):
    serve(CONFIGURATION)
    (tmp_path / "m.tar.gz").write_bytes(archive)
    local = seqdrop("predict", fasta, "--model", tmp_path / "m.tar.gz", "--analysis", "contigs", "-o", tmp_path / "a")
    for number, wanted in enumerate(("contigs", NAME)):
        outcome = seqdrop("predict", fasta, "--endpoint", wanted, "-o", tmp_path / str(number))
        assert (local.status, outcome.status) == (0, 0), outcome.err
        assert {path.name for path in (tmp_path / str(number)).iterdir()} == {
            path.name for path in (tmp_path / "a").iterdir()
        }
        rows = [(tmp_path / name / "predictions.jsonl").read_bytes() for name in ("a", str(number))]
        assert rows[0] == rows[1]
        assert len(rows[0].splitlines()) > 10
    here, there = (json.loads((tmp_path / name / "summary.json").read_text()) for name in ("a", "0"))
    assert (there["job"], there["model"]["archive"]) == (NAME, key)
    assert there["model"]["sha256"] == here["model"]["sha256"]
    assert (there["counts"], there["calibration"]) == (here["counts"], here["calibration"])


def test_nothing_is_written_if_the_endpoint_gets_another_model(seqdrop, serve, fasta, tmp_path):
    serve(CONFIGURATION, "lab-contigs-ba9876543210")
    outcome = seqdrop("predict", fasta, "--endpoint", "contigs", "-o", tmp_path / "out")
    assert outcome.status == 2
    assert "got another model while it predicted" in outcome.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("words", [("--window", "100"), ("--strands", "+"), ("--task", "masked")])
def test_an_option_that_the_endpoint_would_ignore_is_refused(seqdrop, use_target, services, key, fasta, words):
    use_target(Target(services.s3, SageMaker(key, CONFIGURATION), None))
    outcome = seqdrop("predict", fasta, "--endpoint", "contigs", *words)
    assert outcome.status == 2
    assert f"{words[0]} is for --model" in outcome.err


def test_an_unknown_name_needs_an_analysis(seqdrop, use_target, services, key, fasta):
    use_target(Target(services.s3, SageMaker(key, CONFIGURATION), None))
    assert "add --analysis" in seqdrop("predict", fasta, "--endpoint", "nothing").err


# ---------------------------------------------------------------- which model


def test_the_archive_is_that_of_the_endpoint_not_the_current_one(services, key):
    pointers.point(services.s3, "models", keys.model_pointer(CONTIGS.settings.model), {"digest": "new", "key": "new"})
    archive = make_model(services, SageMaker(key, CONFIGURATION)).archive
    assert (archive.key, archive.labels[1]) == (key, CONTIGS.settings.label)


def test_a_model_of_another_analysis_is_refused(services, key):
    with pytest.raises(EndpointError, match="no version of the model"):
        _ = make_model(services, SageMaker("models/other/m.tar.gz", CONFIGURATION)).archive


def test_an_endpoint_during_its_update_is_refused(services, key):
    sagemaker = SageMaker(key, CONFIGURATION, PendingDeploymentSummary={"EndpointConfigName": "next"})
    with pytest.raises(EndpointError, match="is getting another model"):
        _ = make_model(services, sagemaker).archive


# ---------------------------------------------------------------- requests


class Echo:
    """A runtime client that returns a line for each item, once `together` requests are waiting."""

    def __init__(self, together: int = 1):
        self.barrier, self.bodies = threading.Barrier(together, timeout=60), []

    def invoke_endpoint(self, Body: bytes, **_: object) -> dict:  # noqa: N803 (the name of the API)
        self.bodies.append(Body)
        self.barrier.wait()
        return {"Body": io.BytesIO(Body.upper() + b"\n")}


class Single(RequestSizes):
    """Sizes that do not grow, so that each request has one item."""

    def adapt(self, *_: float) -> None:
        pass


def test_requests_wait_together_and_return_in_order():
    items = [b"item %d\n" % number for number in range(2 * IN_FLIGHT)]
    pairs = list(Requests(Echo(IN_FLIGHT), NAME, Single(limit=1)).predict(items))
    assert [request + b"\n" for request, _ in pairs] == items
    assert [lines for _, lines in pairs] == [[item.rstrip(b"\n").upper()] for item in items]


def test_sizes_grow_while_requests_are_short_and_shrink_when_they_are_long():
    sizes = RequestSizes()
    for _ in range(20):
        sizes.adapt(sizes.limit, 0.1, 100)
    assert sizes.limit == MOST
    sizes.adapt(10, 0.1, 100)  # the last request of a file says nothing about larger ones
    sizes.adapt(MOST, 20.0, 100)
    assert sizes.limit == MOST // 2
    sizes.adapt(MOST // 2, 5.0, 100)
    assert sizes.limit == MOST // 2
    sizes.adapt(MOST // 2, 1.0, 3_000_000)
    assert sizes.limit == MOST // 4
    assert RequestSizes().limit == FIRST


def test_an_item_that_no_endpoint_accepts_is_refused():
    with pytest.raises(ItemTooLargeError, match="predict the file with a job"):
        list(RequestSizes().pack([b"x" * (LARGEST + 1)]))


@pytest.mark.parametrize(
    ("code", "more", "message"),
    [
        ("ValidationException", {}, "there is no endpoint lab-contigs"),
        ("ModelError", {"OriginalStatusCode": 400, "OriginalMessage": "bad"}, "returned 400: bad; repeating does not"),
        ("ModelNotReadyException", {}, "repeat in some minutes"),
    ],
)
def test_errors_say_what_to_do(code, more, message):
    class Refusing:
        def invoke_endpoint(self, **_: object) -> dict:
            raise ClientError({"Error": {"Code": code, "Message": "why"}, **more}, "InvokeEndpoint")

    with pytest.raises(EndpointError, match=message):
        list(Requests(Refusing(), NAME).predict([b"item\n"]))


def test_another_container_is_recognised_by_its_number_of_lines():
    class Joining:
        def invoke_endpoint(self, **_: object) -> dict:
            return {"Body": io.BytesIO(b"one line")}

    with pytest.raises(EndpointError, match="1 lines for 2 work items"):
        list(Requests(Joining(), NAME).predict([b"a\n", b"b\n"]))
