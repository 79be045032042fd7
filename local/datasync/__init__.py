"""DataSync of the embedded AWS: locations, tasks, and executions that really copy files into a bucket."""
