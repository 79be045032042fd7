"""`seqdrop processing push`: what jobs run is what pip found for their image, and this package."""

from types import SimpleNamespace

import boto3
import pytest
from seqdrop.models.code_bundles import current_code
from seqdrop_cli import main as command


@pytest.fixture
def s3(cloud, monkeypatch):
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="results")
    target = SimpleNamespace(results="results", client=boto3.client)
    monkeypatch.setattr(command.targets, "find", lambda stack: target)
    return s3


def test_it_is_pushed_for_the_python_of_the_image(s3, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(command, "build", lambda *about: asked.append(about[1:]) or b"archive")
    assert command.main(["processing", "push"]) == 0
    assert command.main(["processing", "push", "--python", "3.11", "--architecture", "aarch64"]) == 0
    assert asked == [("3.12", "x86_64"), ("3.11", "aarch64")]
    assert f"s3://results/{current_code(s3, 'results').prefix}" in capsys.readouterr().out


def test_wheels_that_pip_does_not_find_are_said(s3, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        "seqdrop_cli.deploy.processing_code.subprocess.run", lambda *_, **__: SimpleNamespace(returncode=1, stdout="no")
    )
    wanted = tmp_path / "requirements.txt"
    wanted.write_text("isal==0.0.0\n")
    assert command.main(["processing", "push", "--requirements", str(wanted)]) == 2
    assert "no wheels for Python 3.12 on x86_64" in capsys.readouterr().err
    assert "Contents" not in s3.list_objects_v2(Bucket="results")
