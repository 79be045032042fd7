"""Small objects that say which of several things is in use, and what was before, newest first."""

from __future__ import annotations

import json


def read(s3, bucket: str, key: str) -> dict | None:
    """{"current": …, "history": […]}; None if nothing was ever pointed to."""
    try:
        return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except s3.exceptions.NoSuchKey:
        return None


def is_current(pointer: dict | None, digest: str) -> bool:
    return pointer is not None and pointer["current"]["digest"] == digest


def move(s3, bucket: str, key: str, pointer: dict | None, current: dict) -> None:
    """Point to `current` from now on; `pointer` is what was read before. What is the same thing is no history."""
    before = [] if is_current(pointer, current["digest"]) or not pointer else [pointer["current"]]
    history = [*before, *pointer["history"]] if pointer else []
    content = {"current": current, "history": history}
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(content, indent=2).encode())
