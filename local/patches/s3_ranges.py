"""Ranges of object versions; ministack slices only the current object and returns a version whole."""

from ministack.services import s3

CHECKSUM = "x-amz-checksum-"


def apply() -> None:
    """Cut the response of GetObject for a version to the requested range."""
    get = s3._get_object

    def get_object(bucket_name: str, key: str, headers: dict, query_params: dict | None = None) -> tuple:
        response = get(bucket_name, key, headers, query_params)
        byte_range, version = headers.get("range"), s3._qp(query_params or {}, "versionId", "")
        if not byte_range or not version or response[0] != 200:
            return response
        return _cut(bucket_name, key, byte_range, response)

    s3._get_object = get_object


def _cut(bucket: str, key: str, byte_range: str, response: tuple) -> tuple:
    _, headers, body = response
    span = s3._parse_range(byte_range, len(body))
    if span is None:
        error_headers = {"Content-Type": "application/xml", "Content-Range": f"bytes */{len(body)}"}
        return 416, error_headers, s3._xml_body(s3._range_error_xml(bucket, key))
    first, last = span
    # The checksum of the whole object does not apply to a part of it.
    kept = {name: value for name, value in headers.items() if not name.lower().startswith(CHECKSUM)}
    part = body[first : last + 1]
    kept |= {"Content-Length": str(len(part)), "Content-Range": f"bytes {first}-{last}/{len(body)}"}
    return 206, kept, part
