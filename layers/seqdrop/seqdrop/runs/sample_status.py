"""The statuses of samples of a run: what came of them (`runs.samples.SampleRow`)."""

COMPLETE, INCOMPLETE, EMPTY, MISSING, UNEXPECTED = "complete", "incomplete", "empty", "missing", "unexpected"
PLANNED = "planned"
