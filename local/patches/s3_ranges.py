"""A range of an object version: ministack slices the current object only, and answers a version whole."""

from ministack.services import s3

CHECKSUM = "x-amz-checksum-"


def apply() -> None:
    """Cut what GetObject answers for a version to the range that was asked for."""
    get = s3._get_object

    def get_object(bucket_name: str, key: str, headers: dict, query_params: dict | None = None) -> tuple:
        answer = get(bucket_name, key, headers, query_params)
        wanted, version = headers.get("range"), s3._qp(query_params or {}, "versionId", "")
        return _cut(bucket_name, key, wanted, answer) if wanted and version and answer[0] == 200 else answer

    s3._get_object = get_object


def _cut(bucket: str, key: str, wanted: str, answer: tuple) -> tuple:
    _, headers, body = answer
    span = s3._parse_range(wanted, len(body))
    if span is None:
        said = {"Content-Type": "application/xml", "Content-Range": f"bytes */{len(body)}"}
        return 416, said, s3._xml_body(s3._range_error_xml(bucket, key))
    first, last = span
    # A checksum of the whole says nothing of a slice.
    kept = {name: value for name, value in headers.items() if not name.lower().startswith(CHECKSUM)}
    part = body[first : last + 1]
    kept |= {"Content-Length": str(len(part)), "Content-Range": f"bytes {first}-{last}/{len(body)}"}
    return 206, kept, part
