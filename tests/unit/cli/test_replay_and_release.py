"""`seqdrop replay` and `release`: what is selected, shown and done, also after an interruption."""

import signal
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from seqdrop.kinds.plans import packaged
from seqdrop.ledger.records import Attempt, Upload
from seqdrop.models.archives import push_archive
from seqdrop.stages.operator import replay
from seqdrop.uploads import UploadVersion
from seqdrop_cli import dry_run
from seqdrop_cli.catalog import build_parser
from seqdrop_cli.commands import release as release_command
from seqdrop_cli.progress import read_progress
from seqdrop_cli.selectors import Selector, select_uploads

from tests.unit.stages.start_transform.test_start_transform import archive_of

READS = packaged().by_name["reads"]


@pytest.fixture
def add(services):
    """Create an upload with attempts in these final states; return its id."""

    def make(key: str, *states: str, archived: bool = False) -> str:
        version = UploadVersion("landing", key, "v", 1, "e")
        services.ledger.create(Upload.from_version(version, "reads", "reads/"))
        services.ledger.move(services.ledger.find_upload(version.id), "VALIDATED", records=7)
        for number, state in enumerate(states, start=1):
            attempt = Attempt("PLANNED", upload_id=version.id, analysis="reads", number=number, shards=1)
            attempt = Attempt(**{**vars(attempt), "plan": READS.as_json(), "cut_as": f"{version.id}-reads-1"})
            services.ledger.create(attempt)
            for target in {"PLANNED": (), "FAILED": ("FAILED",)}.get(state, ("SUBMITTED", state)):
                reason = "it broke" if target == "FAILED" else ""
                services.ledger.move(services.ledger.find_attempt(attempt.key), target, reason=reason)
        shard = f"shards/{version.id}/{version.id}-reads-1-00000.jsonl"
        services.s3.put_object(Bucket="work", Key=shard, Body=b"{}")
        if archived:
            services.ledger.move(services.ledger.find_upload(version.id), "ARCHIVED")
        return version.id

    return make


@pytest.fixture
def run(services, use_target, seqdrop):
    """Run a command line against the services of this test."""
    push_archive(services.s3, "models", READS.settings.model, archive_of("not it", READS.settings.label), "now")
    use_target(SimpleNamespace(services=lambda: services, ledger=lambda: services.ledger, environment=dict))
    return seqdrop


def selected_keys(services, **conditions) -> list[str]:
    return sorted(upload.key for upload in select_uploads(services.ledger, Selector(**conditions)))


class TestSelectors:
    @pytest.fixture
    def uploads(self, add):
        return [
            add("reads/run7/a.fastq", "FAILED"),
            add("reads/run70/b.fastq", "FAILED", "PREDICTED"),
            add("reads/c.fq"),
        ]

    def test_by_run(self, services, uploads):
        assert selected_keys(services, folder="reads/run7/") == ["reads/run7/a.fastq"]
        assert len(selected_keys(services, folder="reads/")) == 3

    def test_by_the_state_of_the_upload_or_of_its_last_attempt(self, services, uploads):
        assert selected_keys(services, state="FAILED") == ["reads/run7/a.fastq"]
        assert selected_keys(services, state="PREDICTED") == ["reads/run70/b.fastq"]
        assert len(selected_keys(services, state="VALIDATED")) == 3

    def test_all_conditions_must_hold(self, services, uploads):
        assert selected_keys(services, state="VALIDATED", folder="reads/run70/") == ["reads/run70/b.fastq"]
        assert selected_keys(services, uploads=(uploads[0],), state="PREDICTED") == []
        assert selected_keys(services, state="FAILED", analysis="contigs") == []

    def test_by_time(self, services, uploads):
        landed = datetime.fromisoformat(services.ledger.find_upload(uploads[1]).created_at)
        failed = datetime.fromisoformat(services.ledger.attempts(uploads[0])[-1].moved_at)
        assert selected_keys(services, since=landed) == ["reads/c.fq", "reads/run70/b.fastq"]
        assert selected_keys(services, until=landed) == ["reads/run7/a.fastq"]
        assert selected_keys(services, state="FAILED", since=failed) == ["reads/run7/a.fastq"]
        assert selected_keys(services, state="FAILED", until=failed) == []

    def test_an_unknown_upload_is_an_error(self, services, cloud):
        with pytest.raises(ValueError, match="there is no upload XYZ"):
            selected_keys(services, uploads=("XYZ",))

    def test_a_time_without_a_zone_is_utc(self):
        words = ["replay", "--since", "2026-03-01T14:30", "--state", "failed", "--run", "/reads/x"]
        options = build_parser(words).parse_args(words)
        assert options.since == datetime(2026, 3, 1, 14, 30, tzinfo=UTC)
        assert (options.state, options.folder) == ("FAILED", "reads/x/")

    @pytest.mark.parametrize(
        ("words", "error"),
        [
            (("--state", "LOST"), "argument --state: 'LOST' is not a state of an upload or attempt"),
            (("--since", "yesterday"), "argument --since: 'yesterday' is not a time; write 2026-03-01"),
        ],
    )
    def test_a_wrong_condition_is_refused_in_one_line(self, seqdrop, words, error):
        outcome = seqdrop("replay", *words)
        assert (outcome.status, outcome.err.count("\n")) == (2, 1)
        assert f"seqdrop: {error}" in outcome.err

    @pytest.mark.parametrize("command", ["replay", "release"])
    def test_no_condition_is_an_error_that_names_the_options(self, run, command):
        outcome = run(command)
        assert outcome.status == 2
        assert "no uploads are selected" in outcome.err
        assert "select them with --run" in outcome.err


class TestReplay:
    def test_without_yes_nothing_is_done(self, run, services, add, sent):
        able, unable = add("reads/a.fastq", "FAILED"), add("reads/b.fastq", "SUBMITTED")
        outcome = run("replay", "--run", "reads")
        assert outcome.status == 0
        *lines, count = outcome.out.splitlines()
        assert [line.split("\t")[:4] for line in lines] == [
            [able, "FAILED", "reads/a.fastq", "replayed"],
            [unable, "SUBMITTED", "reads/b.fastq", "not replayed"],
        ]
        assert count == "1 of 2 would be replayed. Nothing was done yet; repeat the command with --yes to do it."
        assert (sent, len(services.ledger.attempts(able)), len(services.ledger.attempts(unable))) == ([], 1, 1)

    def test_with_yes_it_is_done(self, run, services, add, sent):
        upload = add("reads/a.fastq", "FAILED")
        outcome = run("replay", upload, "--yes")
        assert (outcome.status, "1/1  replayed  reads/a.fastq" in outcome.out) == (0, True)
        assert sent == [("transform_queue", {"attempt": f"{upload}-reads-2"})]

    def test_the_status_says_if_nothing_could_be_done(self, run, add):
        upload = add("reads/a.fastq", "SUBMITTED")
        assert run("replay", upload).status == 0
        assert run("replay", upload, "--yes").status == 1

    def test_the_same_command_completes_an_interrupted_replay(self, run, services, add, sent, monkeypatch):
        uploads = [add(f"reads/{name}.fastq", "FAILED") for name in "abc"]
        known = replay.replay

        def interrupted(*arguments):
            signal.raise_signal(signal.SIGINT)
            return known(*arguments)

        monkeypatch.setattr(replay, "replay", interrupted)
        outcome = run("replay", *uploads, "--yes")
        assert (outcome.status, len(sent)) == (dry_run.INTERRUPTED, 1)
        assert "Stopped: 2 of 3 were not processed" in outcome.out
        monkeypatch.setattr(replay, "replay", known)
        outcome = run("replay", *uploads, "--yes")
        assert (outcome.status, len(sent)) == (0, 3)
        assert "2 of 3 were replayed" in outcome.out

    def test_an_upload_that_changes_meanwhile_is_reported(self, run, services, add, monkeypatch):
        upload = add("reads/a.fastq", "FAILED")
        known = replay.replay

        def late(*arguments):
            services.ledger.note(services.ledger.find_upload(upload), reason="")
            return known(*arguments)

        monkeypatch.setattr(replay, "replay", late)
        outcome = run("replay", upload, "--yes")
        assert (outcome.status, dry_run.OUT_OF_DATE in outcome.out) == (1, True)
        assert len(services.ledger.attempts(upload)) == 1


class TestRelease:
    def test_a_folder_is_released(self, run, services, add, sent):
        failed, predicted = add("reads/x/a.fastq", "FAILED"), add("reads/x/b.fastq", "PREDICTED")
        outcome = run("release", "--run", "reads/x")
        assert (outcome.status, sent) == (0, [])
        assert "1 of 2 would be released" in outcome.out
        outcome = run("release", "--run", "reads/x", "--yes")
        assert (outcome.status, sent) == (0, [("archive_queue", {"upload": failed})])
        assert services.ledger.find_upload(failed).released_at
        assert not services.ledger.find_upload(predicted).released_at

    def test_its_help_names_no_option_that_it_lacks(self, seqdrop):
        assert "unrecognized arguments: --state" in seqdrop("release", "--state", "FAILED").err
        assert "--state" not in release_command.TEXT


class TestStatus:
    def test_each_upload_is_one_line_of_four_fields(self, run, add):
        failed = add("reads/a b.fastq", "FAILED", "FAILED")
        archived = add(f"reads/{'long/' * 60}c.fastq", "PREDICTED", archived=True)
        outcome = run("status")
        assert outcome.out.splitlines() == [
            f"{failed}\tFAILED\treads/a b.fastq\t2026-01-01T00:00:00Z",
            f"{archived}\tARCHIVED\treads/{'long/' * 60}c.fastq\t2026-01-01T00:00:06Z",
        ]

    def test_failed_attempts_are_followed_by_advice(self, run, add):
        add("reads/a.fastq", "FAILED", "FAILED")
        error = run("status").err
        assert "1 upload has a failed attempt" in error
        assert "seqdrop replay --state FAILED" in error

    def test_there_is_no_advice_without_a_failure(self, run, add):
        add("reads/a.fastq", "PREDICTED", archived=True)
        assert run("status").err == ""

    def test_a_failed_attempt_has_its_number_and_its_reason(self, services, add):
        upload = services.ledger.find_upload(add("reads/a.fastq", "FAILED", "FAILED"))
        assert read_progress(services.ledger, upload.id, upload.key, 1).detail == "attempt 2: it broke"

    @pytest.mark.parametrize(
        ("attempts", "state", "steps"),
        [
            (("PREDICTED", "SUBMITTED"), "SUBMITTED", ("done", "busy", "done")),
            (("PREDICTED", "PLANNED"), "PLANNED", ("done", "waiting", "done")),
            (("PREDICTED", "FAILED"), "FAILED", ("done", "bad", "done")),
            (("PREDICTED", "PREDICTED"), "ARCHIVED", ("done", "done", "done")),
        ],
    )
    def test_a_replay_of_an_archived_file(self, services, add, attempts, state, steps):
        upload = services.ledger.find_upload(add("reads/a.fastq", *attempts, archived=True))
        progress = read_progress(services.ledger, upload.id, upload.key, 1)
        assert (progress.state, progress.steps) == (state, steps)

    def test_a_released_file(self, services, add):
        upload = services.ledger.find_upload(add("reads/a.fastq", "FAILED"))
        services.ledger.note(upload, released_at="now")
        progress = read_progress(services.ledger, upload.id, upload.key, 1)
        assert (progress.state, progress.is_final, progress.steps) == ("VALIDATED", False, ("done", "bad", "busy"))
        services.ledger.move(services.ledger.find_upload(upload.id), "ARCHIVED")
        progress = read_progress(services.ledger, upload.id, upload.key, 1)
        assert (progress.state, progress.detail) == ("ARCHIVED", "released without predictions")
        assert progress.steps == ("done", "bad", "done")
