"""Multipart uploads: whole-object checksums, checksums of copied parts, and tags from the start of the upload."""

from urllib.parse import parse_qsl
from xml.etree.ElementTree import SubElement, tostring

from defusedxml.ElementTree import fromstring
from ministack.services import s3

from local.patches.s3_checksums import COMPOSITE, DEFAULT, FULL, find_object, update_object

TYPE = "x-amz-checksum-type"
COMPOSITE_BY_DEFAULT = frozenset({"CRC32", "CRC32C", "SHA1", "SHA256"})


def apply() -> None:
    """Wrap the operations that create an upload, copy a part, and complete an upload."""
    create, copy_part, complete = (s3._create_multipart_upload, s3._upload_part_copy, s3._complete_multipart_upload)

    def create_upload(bucket_name: str, key: str, headers: dict) -> tuple:
        before = set(s3._multipart_uploads)
        status, response_headers, body = create(bucket_name, key, headers)
        if status == 200:
            upload = s3._multipart_uploads[(set(s3._multipart_uploads) - before).pop()]
            response_headers.update(_remember(upload, headers))
        return status, response_headers, body

    def upload_part_copy(bucket_name: str, dest_key: str, query_params: dict, headers: dict) -> tuple:
        response = copy_part(bucket_name, dest_key, query_params, headers)
        return _add_part_checksum(query_params, response) if response[0] == 200 else response

    def complete_upload(
        bucket_name: str, key: str, body: bytes, query_params: dict, headers: dict | None = None
    ) -> tuple:
        upload = s3._multipart_uploads.get(s3._qp(query_params, "uploadId"))
        if upload and (refusal := _refuse(upload, body, headers or {})):
            return refusal
        response = complete(bucket_name, key, body, query_params, _without_whole(upload, headers or {}))
        if upload is None or response[0] != 200:
            return response
        return _finish(bucket_name, key, s3._qp(query_params, "uploadId"), upload, response)

    s3._create_multipart_upload, s3._upload_part_copy = create_upload, upload_part_copy
    s3._complete_multipart_upload = complete_upload


def _remember(upload: dict, headers: dict) -> dict[str, str]:
    """Record the tags and the checksum type of the upload; return the response headers for the type.

    A whole-object checksum is computed at the end, so ministack receives no algorithm for it.
    """
    upload["tags"] = dict(parse_qsl(headers.get("x-amz-tagging", ""), keep_blank_values=True))
    algorithm = upload["checksum_algorithm"]
    kind = headers.get(TYPE) or (COMPOSITE if algorithm in COMPOSITE_BY_DEFAULT else FULL)
    if kind == FULL:
        upload["whole"] = algorithm or DEFAULT
        upload["checksum_algorithm"] = None
    return {TYPE: kind} if algorithm else {}


def _without_whole(upload: dict | None, headers: dict) -> dict:
    """Return the headers without the whole object's checksum, which ministack would compare with a composite one."""
    if not upload or not upload.get("whole"):
        return headers
    whole = f"x-amz-checksum-{upload['whole'].lower()}"
    return {name: value for name, value in headers.items() if name != whole}


def _refuse(upload: dict, body: bytes, headers: dict) -> tuple | None:
    """Return the error for parts that are not in ascending order or whose whole has another checksum than is given."""
    numbers = [int(element.text or 0) for element in fromstring(body).iter() if element.tag.endswith("PartNumber")]
    if numbers != sorted(set(numbers)):
        message = (
            "The list of parts was not in ascending order. The parts list must be specified in order by part number."
        )
        return s3._error("InvalidPartOrder", message, 400)
    name = upload.get("whole")
    expected = headers.get(f"x-amz-checksum-{name.lower()}") if name else None
    if not expected or not set(numbers) <= set(upload["parts"]):
        return None
    whole = b"".join(upload["parts"][number]["body"] for number in numbers)
    if s3._compute_s3_checksum(name, whole) == expected:
        return None
    return s3._error("BadDigest", f"The {name} you specified did not match the calculated checksum.", 400)


def _add_part_checksum(query_params: dict, response: tuple) -> tuple:
    upload = s3._multipart_uploads[s3._qp(query_params, "uploadId")]
    part, name = upload["parts"][int(s3._qp(query_params, "partNumber"))], upload["checksum_algorithm"]
    if not name:
        return response
    part["checksums"] = {name: s3._compute_s3_checksum(name, part["body"])}
    root = fromstring(response[2])
    SubElement(root, f"Checksum{name}").text = part["checksums"][name]
    return *response[:2], tostring(root, encoding="utf-8", xml_declaration=True)


def _finish(bucket: str, key: str, upload_id: str, upload: dict, response: tuple) -> tuple:
    """Give the object its tags and its whole checksum; a repeated completion then returns the same response."""
    record = find_object(bucket, key)
    if upload["tags"]:
        s3._object_tags[(bucket, key, record.get("version_id"))] = upload["tags"]
    if upload.get("whole"):
        name, value = upload["whole"], s3._compute_s3_checksum(upload["whole"], record["body"])
        update_object(bucket, key, checksums={name: value}, checksum_type=FULL)
        root = fromstring(response[2])
        SubElement(root, f"Checksum{name}").text = value
        SubElement(root, "ChecksumType").text = FULL
        response = (*response[:2], tostring(root, encoding="utf-8", xml_declaration=True))
    s3._completed_multipart_uploads[upload_id]["response"] = response
    return response
