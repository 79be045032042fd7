"""The family `workflow`: workflows on single files and on mates, and sample sheets."""
