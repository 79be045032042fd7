"""S3 Batch Operations: jobs that request the restore of every object in a manifest."""
