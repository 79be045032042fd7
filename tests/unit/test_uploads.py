"""The identity of an upload."""

from hypothesis import given
from hypothesis import strategies as st
from seqdrop.uploads import UploadVersion, upload_id

parts = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), min_size=1)


def test_the_id_is_the_documented_digest():
    # The first 26 characters of base32(sha256("b\0k\0v")); with coreutils:
    # printf 'b\0k\0v' | sha256sum | xxd -r -p | base32
    import base64
    import hashlib

    assert upload_id("b", "k", "v") == base64.b32encode(hashlib.sha256(b"b\0k\0v").digest())[:26].decode()


@given(parts, parts, parts, parts)
def test_bucket_key_and_version_are_separated(bucket, key, version, other):
    assert upload_id(bucket, key + other, version) != upload_id(bucket, key, other + version)


@given(parts, parts, parts)
def test_the_id_has_26_characters_that_a_job_name_may_contain(bucket, key, version):
    identity = upload_id(bucket, key, version)
    assert len(identity) == 26
    assert set(identity) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")


def test_sequencers_of_different_length_are_compared_as_numbers():
    early, late = (UploadVersion("b", "k", "v", 1, "e", sequencer) for sequencer in ("FF", "100"))
    assert early.order < late.order
