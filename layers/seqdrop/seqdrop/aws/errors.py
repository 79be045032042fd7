"""Error codes of AWS by what they mean."""

GONE = {"NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed"}
"""The object or version was deleted, or a delete marker lies over it."""
ABSENT = {"NoSuchKey", "404"}
"""There is no such object."""
THERE_ALREADY = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
"""A conditional write found an object, or another write at the same moment."""
