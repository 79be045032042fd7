"""AWS helpers without domain logic: error codes, keys of the buckets, streams, multipart copies, S3."""
