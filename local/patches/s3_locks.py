"""Object Lock of copies: the default retention of the bucket protects them as it does objects that are put.

ministack applies it to PutObject alone.
"""

from ministack.services import s3

from local.patches.s3_checksums import find_object


def apply() -> None:
    """Wrap CopyObject and CompleteMultipartUpload."""
    copy, complete = s3._copy_object, s3._complete_multipart_upload

    def copy_object(bucket_name: str, dest_key: str, headers: dict) -> tuple:
        response = copy(bucket_name, dest_key, headers)
        if response[0] == 200:
            _lock(bucket_name, dest_key, headers)
        return response

    def complete_upload(
        bucket_name: str, key: str, body: bytes, query_params: dict, headers: dict | None = None
    ) -> tuple:
        is_new = s3._qp(query_params, "uploadId") in s3._multipart_uploads
        response = complete(bucket_name, key, body, query_params, headers)
        if is_new and response[0] == 200:
            _lock(bucket_name, key, {})
        return response

    s3._copy_object, s3._complete_multipart_upload = copy_object, complete_upload


def _lock(bucket: str, key: str, headers: dict) -> None:
    """Protect the current version of a key as the request, or else the bucket, demands."""
    s3._apply_object_lock_from_headers(bucket, key, headers, find_object(bucket, key).get("version_id"))
