"""Runs that DataSync copies into the landing bucket: executions are started, and their ends complete runs."""
