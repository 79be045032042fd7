"""`seqdrop config`: the exit status says whether a file is valid, and the output lists its errors."""

import json

import pytest
from seqdrop_cli.main import main

from tests.unit.config.broken_files import broken_files

JOB = 'model = "cnn"\n[data]\nformat = "csv"\nfile = "all.csv"\n'


def run(capsys, *words) -> tuple[int, str, str]:
    status = main(["config", *map(str, words)])
    return status, *capsys.readouterr()


def test_the_file_of_this_checkout_is_valid(capsys):
    status, out, _ = run(capsys, "check")
    assert status == 0
    assert "analyses.toml is valid" in out
    assert "masked\tmasked/\tfasta\tmasked\tmasked-6\t1 GB" in out.splitlines()


@pytest.mark.parametrize("form", ["analyses", "job"])
def test_the_errors_of_an_invalid_file_are_printed_by_line(capsys, tmp_path, form):
    """The name of the file does not identify its form, so the keys do."""
    renamed = 0
    for broken in broken_files(form):
        path = tmp_path / f"{form}.toml"
        path.write_text(broken.text)
        status, out, err = run(capsys, "check", path)
        if status == 2:  # the only table is misspelt, so the keys do not identify the form
            assert "give it one of these names" in err
            path = path.rename(tmp_path / ("analyses.toml" if form == "analyses" else "job.toml"))
            status, out, err = run(capsys, "check", path)
            renamed += 1
        assert (status, err) == (1, "")
        assert out.splitlines() == [f"{path}:{fault.line}: {fault.message}" for fault in broken.faults]
    assert renamed <= 1


def test_the_settings_of_a_job_are_printed(capsys, tmp_path):
    path = tmp_path / "other.toml"
    path.write_text(JOB)
    status, out, _ = run(capsys, "check", path)
    assert status == 0
    assert all(word in out for word in ("cnn", "ss3", "all.csv", "the cheapest that fits", "50 USD"))


def test_a_job_that_no_machine_can_run_is_invalid(capsys, tmp_path):
    path = tmp_path / "job.toml"
    path.write_text(f'{JOB}[instance]\ntype = "ml.g5.12xlarge"\n[distribution]\nprofile = "lora"\n')
    status, out, _ = run(capsys, "check", path)
    assert status == 1
    assert out == f"{path}:8: profile lora is for encoders with attention; a cnn has none: use single or ddp\n"


def test_tables_of_the_sdk_are_valid_if_any_image_accepts_them(capsys, tmp_path):
    path = tmp_path / "job.toml"
    model = JOB.replace('"cnn"', '"protbert"\nweights = "w"')
    table = "[distribution.smdistributed.modelparallel]\nenabled = true\nparameters = { hybrid_shard_degree = 8 }\n"
    on = '[instance]\ntype = "ml.p4d.24xlarge"\n[distribution]\ntorch_distributed = { enabled = true }\n'
    path.write_text(model + on + table)
    assert run(capsys, "check", path)[0] == 0
    path.write_text(model + on + table.replace("hybrid_shard_degree", "hybrid_shard"))
    status, out, _ = run(capsys, "check", path)
    assert (status, out.startswith(f"{path}:12: smdistributed.modelparallel.parameters.hybrid_shard: ")) == (1, True)


def test_a_file_that_cannot_be_read_is_an_error_of_usage(capsys, tmp_path):
    status, _, err = run(capsys, "check", tmp_path / "missing.toml")
    assert status == 2
    assert err == f"seqdrop: {tmp_path / 'missing.toml'} does not exist; check the path\n"
    path = tmp_path / "analyses.toml"
    path.write_bytes(b"\n\xff")
    status, out, _ = run(capsys, "check", path)
    assert (status, out.startswith(f"{path}:2: byte 1 of the file is not UTF-8")) == (1, True)


@pytest.mark.parametrize("name", ["analyses", "job"])
def test_a_schema_is_printed_as_it_is_published(capsys, repository, name):
    status, out, _ = run(capsys, "schema", name)
    assert status == 0
    assert json.loads(out)["title"] == f"{name}.toml of Seqdrop"
    assert out == (repository / f"docs/schemas/{name}.schema.json").read_text()
