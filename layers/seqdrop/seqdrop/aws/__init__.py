"""AWS without any domain: error codes, keys of the buckets, streams, multipart copies, S3."""
