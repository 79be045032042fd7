"""Multipart uploads: whole-object checksums, checksums of copied parts, and tags given at the start."""

from urllib.parse import parse_qsl
from xml.etree.ElementTree import SubElement, tostring

from defusedxml.ElementTree import fromstring
from ministack.services import s3

from local.patches.s3_checksums import COMPOSITE, DEFAULT, FULL, current, replace

TYPE = "x-amz-checksum-type"
COMPOSITE_BY_DEFAULT = frozenset({"CRC32", "CRC32C", "SHA1", "SHA256"})


def apply() -> None:
    """Wrap the start, the copy of a part and the end of an upload."""
    create, copy_part, complete = (s3._create_multipart_upload, s3._upload_part_copy, s3._complete_multipart_upload)

    def create_upload(bucket_name: str, key: str, headers: dict) -> tuple:
        before = set(s3._multipart_uploads)
        status, answer, body = create(bucket_name, key, headers)
        if status == 200:
            upload = s3._multipart_uploads[(set(s3._multipart_uploads) - before).pop()]
            answer.update(_remember(upload, headers))
        return status, answer, body

    def upload_part_copy(bucket_name: str, dest_key: str, query_params: dict, headers: dict) -> tuple:
        answer = copy_part(bucket_name, dest_key, query_params, headers)
        return _with_part_checksum(query_params, answer) if answer[0] == 200 else answer

    def complete_upload(bucket_name: str, key: str, body: bytes, query_params: dict, headers=None) -> tuple:
        upload = s3._multipart_uploads.get(s3._qp(query_params, "uploadId"))
        answer = complete(bucket_name, key, body, query_params, _without_whole(upload, headers or {}))
        if upload is None or answer[0] != 200:
            return answer
        return _finished(bucket_name, key, s3._qp(query_params, "uploadId"), upload, answer)

    s3._create_multipart_upload, s3._upload_part_copy = create_upload, upload_part_copy
    s3._complete_multipart_upload = complete_upload


def _remember(upload: dict, headers: dict) -> dict[str, str]:
    """Note what the upload is to become; answers the headers that say so.

    A whole-object checksum is computed at the end, so ministack is told of no algorithm for it.
    """
    upload["tags"] = dict(parse_qsl(headers.get("x-amz-tagging", ""), keep_blank_values=True))
    named = upload["checksum_algorithm"]
    kind = headers.get(TYPE) or (COMPOSITE if named in COMPOSITE_BY_DEFAULT else FULL)
    if kind == FULL:
        upload["whole"] = named or DEFAULT
        upload["checksum_algorithm"] = None
    return {TYPE: kind} if named else {}


def _without_whole(upload: dict | None, headers: dict) -> dict:
    """The headers without the whole object's checksum, which ministack would take for a composite."""
    if not upload or not upload.get("whole"):
        return headers
    whole = f"x-amz-checksum-{upload['whole'].lower()}"
    return {name: value for name, value in headers.items() if name != whole}


def _with_part_checksum(query_params: dict, answer: tuple) -> tuple:
    upload = s3._multipart_uploads[s3._qp(query_params, "uploadId")]
    part, name = upload["parts"][int(s3._qp(query_params, "partNumber"))], upload["checksum_algorithm"]
    if not name:
        return answer
    part["checksums"] = {name: s3._compute_s3_checksum(name, part["body"])}
    root = fromstring(answer[2])
    SubElement(root, f"Checksum{name}").text = part["checksums"][name]
    return *answer[:2], tostring(root, encoding="utf-8", xml_declaration=True)


def _finished(bucket: str, key: str, upload_id: str, upload: dict, answer: tuple) -> tuple:
    """Give the object its tags and its whole checksum, and have a repeated completion answer the same."""
    record = current(bucket, key)
    if upload["tags"]:
        s3._object_tags[(bucket, key, record.get("version_id"))] = upload["tags"]
    if upload.get("whole"):
        name, value = upload["whole"], s3._compute_s3_checksum(upload["whole"], record["body"])
        replace(bucket, key, checksums={name: value}, checksum_type=FULL)
        root = fromstring(answer[2])
        SubElement(root, f"Checksum{name}").text = value
        SubElement(root, "ChecksumType").text = FULL
        answer = (*answer[:2], tostring(root, encoding="utf-8", xml_declaration=True))
    s3._completed_multipart_uploads[upload_id]["response"] = answer
    return answer
