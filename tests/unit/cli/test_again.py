"""seqdrop replay and release: what is chosen, shown and done, whatever is pressed or broken off."""

import signal
from datetime import UTC, datetime
from io import StringIO
from types import SimpleNamespace

import pytest
from rich.console import Console
from seqdrop.kinds.plans import packaged
from seqdrop.ledger.records import Attempt, Upload
from seqdrop.models.archives import push_archive
from seqdrop.uploads import UploadVersion
from seqdrop_cli import dry_run as proposals
from seqdrop_cli.commands import release, replay
from seqdrop_cli.main import main, parser
from seqdrop_cli.progress import read_progress
from seqdrop_cli.selectors import Choice, chosen

from tests.unit.stages.start_transform.test_start_transform import archive_of

READS = packaged().by_name["reads"]


@pytest.fixture
def add(services):
    """An upload whose attempts ended so; answers its id."""

    def make(key: str, *ends: str, archived: bool = False) -> str:
        version = UploadVersion("landing", key, "v", 1, "e")
        services.ledger.create(Upload.received(version, "reads", "reads/"))
        services.ledger.move(services.ledger.find_upload(version.id), "VALIDATED", records=7)
        for number, end in enumerate(ends, start=1):
            attempt = Attempt("PLANNED", upload_id=version.id, analysis="reads", number=number, shards=1)
            attempt = Attempt(**{**vars(attempt), "plan": READS.as_json(), "cut_as": f"{version.id}-reads-1"})
            services.ledger.create(attempt)
            for to in {"PLANNED": (), "FAILED": ("FAILED",)}.get(end, ("SUBMITTED", end)):
                services.ledger.move(
                    services.ledger.find_attempt(attempt.key), to, reason="it broke" * (to == "FAILED")
                )
        shard = f"shards/{version.id}/{version.id}-reads-1-00000.jsonl"
        services.s3.put_object(Bucket="work", Key=shard, Body=b"{}")
        if archived:
            services.ledger.move(services.ledger.find_upload(version.id), "ARCHIVED")
        return version.id

    return make


@pytest.fixture
def run(services, monkeypatch):
    """A command line; answers its exit status and what it printed."""
    push_archive(services.s3, "results", READS.settings.model, archive_of("not it", READS.settings.label), "now")
    target = SimpleNamespace(services=lambda: services, ledger=lambda: services.ledger)
    monkeypatch.setattr("seqdrop_cli.target.find", lambda stack: target)

    def call(*words: str) -> tuple[int, str]:
        out = StringIO()
        options = parser().parse_args(list(words))
        return options.run(options, Console(file=out, width=250)), out.getvalue()

    return call


def keys(services, **choice) -> list[str]:
    return sorted(one.key for one in chosen(services.ledger, Choice(**choice)))


class TestChoice:
    @pytest.fixture
    def three(self, add):
        return [
            add("reads/run7/a.fastq", "FAILED"),
            add("reads/run70/b.fastq", "FAILED", "PREDICTED"),
            add("reads/c.fq"),
        ]

    def test_by_run(self, services, three):
        assert keys(services, folder="reads/run7/") == ["reads/run7/a.fastq"]
        assert len(keys(services, folder="reads/")) == 3

    def test_by_the_state_of_the_upload_or_of_its_last_attempt(self, services, three):
        assert keys(services, state="FAILED") == ["reads/run7/a.fastq"]
        assert keys(services, state="PREDICTED") == ["reads/run70/b.fastq"]
        assert len(keys(services, state="VALIDATED")) == 3

    def test_all_that_is_said_must_hold(self, services, three):
        assert keys(services, state="VALIDATED", folder="reads/run70/") == ["reads/run70/b.fastq"]
        assert keys(services, uploads=(three[0],), state="PREDICTED") == []
        assert keys(services, state="FAILED", analysis="contigs") == []

    def test_by_time(self, services, three):
        landed = datetime.fromisoformat(services.ledger.find_upload(three[1]).created_at)
        failed = datetime.fromisoformat(services.ledger.attempts(three[0])[-1].moved_at)
        assert keys(services, since=landed) == ["reads/c.fq", "reads/run70/b.fastq"]
        assert keys(services, until=landed) == ["reads/run7/a.fastq"]
        assert keys(services, state="FAILED", since=failed) == ["reads/run7/a.fastq"]
        assert keys(services, state="FAILED", until=failed) == []

    def test_an_upload_that_is_not_there(self, services, cloud):
        with pytest.raises(ValueError, match="there is no upload XYZ"):
            keys(services, uploads=("XYZ",))

    def test_a_time_without_a_zone_is_utc(self):
        options = parser().parse_args(
            ["replay", "--since", "2026-03-01T14:30", "--state", "failed", "--run", "/reads/x"]
        )
        assert options.since == datetime(2026, 3, 1, 14, 30, tzinfo=UTC)
        assert (options.state, options.folder) == ("FAILED", "reads/x/")

    @pytest.mark.parametrize("words", [["--state", "LOST"], ["--since", "yesterday"]])
    def test_what_means_nothing_is_refused(self, words, capsys):
        with pytest.raises(SystemExit):
            parser().parse_args(["replay", *words])
        assert words[0] in capsys.readouterr().err

    @pytest.mark.parametrize("command", ["replay", "release"])
    def test_nothing_chosen_is_an_error_that_says_what_may_be(self, run, command, capsys):
        assert main([command]) == 2
        assert "name uploads, or choose them by --run" in capsys.readouterr().err


class TestReplay:
    def test_without_yes_nothing_is_done(self, run, services, add, sent):
        able, unable = add("reads/a.fastq", "FAILED"), add("reads/b.fastq", "SUBMITTED")
        status, text = run("replay", "--run", "reads")
        assert status == 0
        assert "attempt 2, by the present model" in text
        assert "attempt 1 is under way (SUBMITTED)" in text
        assert "1 of 2 would be replayed; nothing was done yet. Say it again with --yes" in text
        assert (sent, len(services.ledger.attempts(able)), len(services.ledger.attempts(unable))) == ([], 1, 1)

    def test_with_yes_it_is(self, run, services, add, sent):
        upload = add("reads/a.fastq", "FAILED")
        status, text = run("replay", upload, "--yes")
        assert (status, "1/1  replayed  reads/a.fastq" in text) == (0, True)
        assert sent == [("transform_queue", {"attempt": f"{upload}-reads-2"})]

    def test_if_nothing_can_be_done_the_status_says_so(self, run, add):
        upload = add("reads/a.fastq", "SUBMITTED")
        assert run("replay", upload)[0] == 0
        assert run("replay", upload, "--yes")[0] == 1

    def test_said_again_after_it_was_broken_off_it_does_the_rest(self, run, services, add, sent, monkeypatch):
        uploads = [add(f"reads/{name}.fastq", "FAILED") for name in "abc"]
        stage = replay.stage.replay

        def pressed(*args):
            signal.raise_signal(signal.SIGINT)
            return stage(*args)

        monkeypatch.setattr(replay.stage, "replay", pressed)
        status, text = run("replay", *uploads, "--yes")
        assert (status, len(sent)) == (proposals.INTERRUPTED, 1)
        assert "Stopped: 2 of 3 were not looked at" in text
        monkeypatch.setattr(replay.stage, "replay", stage)
        status, text = run("replay", *uploads, "--yes")
        assert (status, len(sent)) == (0, 3)
        assert "2 of 3 were replayed" in text

    def test_one_that_moves_meanwhile_is_told(self, run, services, add, monkeypatch):
        upload = add("reads/a.fastq", "FAILED")
        stage = replay.stage.replay

        def late(*args):
            services.ledger.note(services.ledger.find_upload(upload), reason="")
            return stage(*args)

        monkeypatch.setattr(replay.stage, "replay", late)
        status, text = run("replay", upload, "--yes")
        assert (status, proposals.MOVED_ON in text) == (1, True)
        assert len(services.ledger.attempts(upload)) == 1


class TestRelease:
    def test_a_folder(self, run, services, add, sent):
        failed, done = add("reads/x/a.fastq", "FAILED"), add("reads/x/b.fastq", "PREDICTED")
        status, text = run("release", "--run", "reads/x")
        assert (status, sent) == (0, [])
        assert "1 of 2 would be released" in text
        status, _ = run("release", "--run", "reads/x", "--yes")
        assert (status, sent) == (0, [("archive_queue", {"upload": failed})])
        assert services.ledger.find_upload(failed).released_at
        assert not services.ledger.find_upload(done).released_at

    def test_its_help_names_no_option_that_it_lacks(self):
        with pytest.raises(SystemExit):
            parser().parse_args(["release", "--state", "FAILED"])
        assert "--state" not in release.HELP


class TestStatus:
    def test_what_failed_is_told_with_its_number_and_what_to_do(self, run, add):
        add("reads/a.fastq", "FAILED", "FAILED")
        _, text = run("status")
        assert "attempt 2: it broke" in text
        assert "1 upload of which an attempt failed" in text
        assert "seqdrop replay --state FAILED" in text

    def test_without_a_failure_it_says_nothing_of_it(self, run, add):
        add("reads/a.fastq", "PREDICTED", archived=True)
        assert "replay" not in run("status")[1]

    @pytest.mark.parametrize(
        ("ends", "state", "steps"),
        [
            (("PREDICTED", "SUBMITTED"), "SUBMITTED", ("done", "busy", "done")),
            (("PREDICTED", "PLANNED"), "PLANNED", ("done", "waiting", "done")),
            (("PREDICTED", "FAILED"), "FAILED", ("done", "bad", "done")),
            (("PREDICTED", "PREDICTED"), "ARCHIVED", ("done", "done", "done")),
        ],
    )
    def test_a_replay_of_an_archived_file(self, services, add, ends, state, steps):
        upload = services.ledger.find_upload(add("reads/a.fastq", *ends, archived=True))
        one = read_progress(services.ledger, upload.id, upload.key, 1)
        assert (one.state, one.steps) == (state, steps)

    def test_a_released_file(self, services, add):
        upload = services.ledger.find_upload(add("reads/a.fastq", "FAILED"))
        services.ledger.note(upload, released_at="now")
        services.ledger.move(services.ledger.find_upload(upload.id), "ARCHIVED")
        one = read_progress(services.ledger, upload.id, upload.key, 1)
        assert (one.state, one.detail) == ("ARCHIVED", "released without predictions")
        assert one.steps == ("done", "bad", "done")
