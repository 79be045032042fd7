"""`seqdrop processing push`: jobs run what pip found for their image, and this package."""

from types import SimpleNamespace

import boto3
import pytest
from seqdrop.models.code_bundles import current_code
from seqdrop_cli.deploy import processing_code


@pytest.fixture
def s3(cloud, use_target):
    client = boto3.client("s3")
    client.create_bucket(Bucket="models")
    use_target(SimpleNamespace(models="models", client=boto3.client))
    return client


def test_the_code_is_built_for_the_python_of_the_image(s3, monkeypatch, seqdrop):
    images = []
    monkeypatch.setattr(processing_code, "build_code", lambda *image: images.append(image[1:]) or b"archive")
    assert seqdrop("processing", "push").status == 0
    outcome = seqdrop("processing", "push", "--python", "3.11", "--architecture", "aarch64")
    assert outcome.status == 0
    assert images == [("3.12", "x86_64"), ("3.11", "aarch64")]
    assert f"s3://models/{current_code(s3, 'models').prefix}" in outcome.out


def test_wheels_that_pip_does_not_find_are_reported(s3, tmp_path, monkeypatch, seqdrop):
    process = SimpleNamespace(returncode=1, stdout="no")
    monkeypatch.setattr("seqdrop_cli.deploy.processing_code.subprocess.run", lambda *_, **__: process)
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("isal==0.0.0\n")
    outcome = seqdrop("processing", "push", "--requirements", requirements)
    assert outcome.status == 2
    assert "no wheels for Python 3.12 on x86_64" in outcome.err
    assert "Contents" not in s3.list_objects_v2(Bucket="models")


def test_the_default_requirements_exist_from_any_folder(seqdrop, s3, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    files = []
    monkeypatch.setattr(processing_code, "build_code", lambda *image: files.append(image[0]) or b"archive")
    assert seqdrop("processing", "push").status == 0
    assert files[0].is_file()
