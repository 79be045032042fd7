"""Each single tampering with 1,000 receipts and their manifests is found, and the right object is named."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqdrop.archive.chain import ALTERED, EXCHANGED, INSERTED, MISSING, Evidence, Finding, verify
from seqdrop.archive.manifest import make_manifest
from seqdrop.aws import keys
from seqdrop.runtime.services import format_json

from tests.support.examples import share

RECEIPTS, DAYS = 1000, 20


@dataclass(frozen=True)
class Chain:
    """Manifests and receipts, by key; the keys of manifests are in the order of the chain."""

    manifests: dict[str, bytes]
    receipts: dict[str, bytes]

    @property
    def last(self) -> str:
        return max(self.manifests)

    def evidence(self, head: tuple[str, str] | None = None) -> Evidence:
        digests = {key: hashlib.sha256(body).hexdigest() for key, body in self.receipts.items()}
        return Evidence(self.manifests, digests, dict([head]) if head else {})


def make_chain(receipts: int = RECEIPTS, days: int = DAYS) -> Chain:
    bodies = {keys.receipt(f"UPLOAD{number:05d}"): f"receipt {number}".encode() for number in range(receipts)}
    manifests, previous, names = {}, None, sorted(bodies)
    for day in range(days):
        entries = [
            {"upload": key[9:-5], "key": key, "sha256": hashlib.sha256(bodies[key]).hexdigest(), "version_id": "v1"}
            for key in names[day * receipts // days : (day + 1) * receipts // days]
        ]
        date = f"2026-01-{day + 1:02d}"
        body, key = format_json(make_manifest(date, f"{date}T12", previous, entries)), keys.manifest(date)
        manifests[key] = body
        previous = {"manifest": day + 1, "key": key, "sha256": hashlib.sha256(body).hexdigest()}
    return Chain(manifests, bodies)


CHAIN = make_chain()
HEAD = (CHAIN.last, hashlib.sha256(CHAIN.manifests[CHAIN.last]).hexdigest())
NAMES, DATES = sorted(CHAIN.receipts), sorted(CHAIN.manifests)
receipt_numbers, manifest_numbers = st.integers(0, RECEIPTS - 1), st.integers(0, DAYS - 1)


def alter(body: bytes, place: int, change: int) -> bytes:
    """Return the body with one byte changed."""
    at = place % len(body)
    return body[:at] + bytes([body[at] ^ change]) + body[at + 1 :]


def faults(chain: Chain, head: tuple[str, str] | None = HEAD) -> list[tuple[str, str]]:
    return [(finding.fault, finding.key) for finding in verify(chain.evidence(head)).findings]


def without(bodies: dict[str, bytes], key: str) -> dict[str, bytes]:
    return {name: body for name, body in bodies.items() if name != key}


def test_an_untouched_chain_is_proven_with_and_without_its_head():
    for head in (HEAD, None):
        verdict = verify(CHAIN.evidence(head))
        assert (verdict.is_sound, verdict.manifests, verdict.objects) == (True, DAYS, RECEIPTS)
        assert verdict.head == CHAIN.last


@given(receipt_numbers)
@settings(max_examples=40)
def test_a_deleted_receipt_is_named_with_the_version_to_restore(number):
    chain = replace(CHAIN, receipts=without(CHAIN.receipts, NAMES[number]))
    assert verify(chain.evidence(HEAD)).findings == [Finding(MISSING, NAMES[number], "v1")]


@given(receipt_numbers, st.integers(0, 100), st.integers(1, 255))
@settings(max_examples=40)
def test_one_altered_byte_of_a_receipt_is_found(number, place, change):
    name = NAMES[number]
    chain = replace(CHAIN, receipts=CHAIN.receipts | {name: alter(CHAIN.receipts[name], place, change)})
    ((fault, key),) = faults(chain)
    assert (fault in (ALTERED, EXCHANGED), key) == (True, name)  # the change may make it equal to another receipt


@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", min_size=26, max_size=26))
@settings(max_examples=40)
def test_an_inserted_receipt_is_found(upload_id):
    chain = replace(CHAIN, receipts=CHAIN.receipts | {keys.receipt(upload_id): b"receipt"})
    assert faults(chain) == [(INSERTED, keys.receipt(upload_id))]


@given(receipt_numbers, receipt_numbers)
@settings(max_examples=40)
def test_two_exchanged_receipts_are_both_named(first, second):
    first_key, second_key = sorted({NAMES[first], NAMES[second], NAMES[0], NAMES[-1]})[:2]
    exchanged = {first_key: CHAIN.receipts[second_key], second_key: CHAIN.receipts[first_key]}
    verdict = verify(replace(CHAIN, receipts=CHAIN.receipts | exchanged).evidence(HEAD))
    assert verdict.findings == [
        Finding(EXCHANGED, first_key, "v1", second_key),
        Finding(EXCHANGED, second_key, "v1", first_key),
    ]


@given(manifest_numbers, st.integers(0, 100_000), st.integers(1, 255))
@settings(max_examples=share(60))
def test_one_altered_byte_of_a_manifest_is_found_and_nothing_else_is_blamed(number, place, change):
    date = DATES[number]
    chain = replace(CHAIN, manifests=CHAIN.manifests | {date: alter(CHAIN.manifests[date], place, change)})
    assert faults(chain) == [(ALTERED, date)]


@given(manifest_numbers)
@settings(max_examples=DAYS)
def test_a_removed_manifest_is_named_also_the_last_if_the_head_is_known(number):
    chain = replace(CHAIN, manifests=without(CHAIN.manifests, DATES[number]))
    assert faults(chain) == [(MISSING, DATES[number])]


def test_without_a_head_a_removed_end_does_not_show():
    chain = Chain(without(CHAIN.manifests, CHAIN.last), {name: CHAIN.receipts[name] for name in NAMES[:950]})
    assert faults(chain, None) == []
    assert faults(chain) == [(MISSING, CHAIN.last)]
    verdict = verify(replace(chain.evidence(), hashes=frozenset({HEAD[1]})))
    assert verdict.lost_hashes == [HEAD[1]]


@given(manifest_numbers)
@settings(max_examples=DAYS)
def test_a_replaced_manifest_is_named(number):
    """The replacement is a good manifest of its day, which leaves one receipt out."""
    entries = [{"upload": "A", "key": NAMES[0], "sha256": "0" * 64, "version_id": None}]
    previous = None
    if number:
        body = CHAIN.manifests[DATES[number - 1]]
        previous = {"manifest": number, "key": DATES[number - 1], "sha256": hashlib.sha256(body).hexdigest()}
    other = format_json(make_manifest(f"2026-01-{number + 1:02d}", "x", previous, entries))
    assert faults(replace(CHAIN, manifests=CHAIN.manifests | {DATES[number]: other})) == [(ALTERED, DATES[number])]


@given(manifest_numbers, manifest_numbers)
@settings(max_examples=40)
def test_two_exchanged_manifests_are_both_named(first, second):
    first_key, second_key = sorted({DATES[first], DATES[second], DATES[0], DATES[-1]})[:2]
    exchanged = {first_key: CHAIN.manifests[second_key], second_key: CHAIN.manifests[first_key]}
    named = faults(replace(CHAIN, manifests=CHAIN.manifests | exchanged))
    assert (ALTERED, second_key) in named
    assert {key for _, key in named} <= {first_key, second_key}


@given(manifest_numbers)
@settings(max_examples=DAYS)
def test_an_inserted_manifest_is_named(number):
    key = DATES[number].replace(".json", "_0002.json")
    body = CHAIN.manifests[DATES[number]]
    chain = replace(CHAIN, manifests=CHAIN.manifests | {key: body})
    evidence = replace(chain.evidence(HEAD), end=CHAIN.last)
    assert [(finding.fault, finding.key) for finding in verify(evidence).findings] == [(INSERTED, key)]


def test_a_receipt_that_was_written_again_replaces_its_first_entry_and_is_no_fault():
    name, body = NAMES[3], b"written again"
    digest = hashlib.sha256(body).hexdigest()
    entry = {"upload": name[9:-5], "key": name, "sha256": digest, "version_id": "v2", "again": True}
    previous = {"manifest": DAYS, "key": CHAIN.last, "sha256": HEAD[1]}
    key = keys.manifest("2026-02-01")
    later = format_json(make_manifest("2026-02-01", "x", previous, [entry]))
    chain = Chain(CHAIN.manifests | {key: later}, CHAIN.receipts | {name: body})
    assert verify(chain.evidence((key, hashlib.sha256(later).hexdigest()))).is_sound
    assert faults(replace(chain, receipts=CHAIN.receipts), None) == [(ALTERED, name)]


def test_receipts_that_no_manifest_lists_yet_are_pending():
    name = keys.receipt("NEW")
    chain = replace(CHAIN, receipts=CHAIN.receipts | {name: b"new"})
    verdict = verify(replace(chain.evidence(HEAD), pending=frozenset({name})))
    assert (verdict.is_sound, verdict.pending) == (True, 1)


def test_from_a_day_on_only_later_manifests_and_their_receipts_are_judged():
    since, later = DATES[10], NAMES[500:]
    receipts = {name: CHAIN.receipts[name] for name in later}
    chain = Chain({key: body for key, body in CHAIN.manifests.items() if key >= since}, receipts)
    verdict = verify(replace(chain.evidence(HEAD), since=since))
    assert (verdict.is_sound, verdict.manifests, verdict.objects) == (True, 10, 500)
    missing = replace(chain, receipts=without(receipts, later[0]))
    assert [finding.key for finding in verify(replace(missing.evidence(HEAD), since=since)).findings] == [later[0]]


@pytest.mark.long
def test_every_single_deletion_and_alteration_is_found():
    for name in NAMES:
        assert faults(replace(CHAIN, receipts=without(CHAIN.receipts, name))) == [(MISSING, name)]
        assert faults(replace(CHAIN, receipts=CHAIN.receipts | {name: b"other"})) == [(ALTERED, name)]
