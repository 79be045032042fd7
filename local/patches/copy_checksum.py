"""CopyObject computes the checksum it is asked for; ministack reads the algorithm from PutObject's header only."""

from ministack.services import s3


def apply() -> None:
    """Give CopyObject's own header (`x-amz-checksum-algorithm`) the meaning it has in S3."""
    copy_object = s3._copy_object

    def with_checksum(bucket: str, key: str, headers: dict):
        algorithm = headers.get("x-amz-checksum-algorithm")
        if algorithm:
            headers = {**headers, "x-amz-sdk-checksum-algorithm": algorithm}
        return copy_object(bucket, key, headers)

    s3._copy_object = with_checksum
