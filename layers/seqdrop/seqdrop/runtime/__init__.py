"""What a Lambda process holds: clients and settings, the shapes of events and messages, the log, and metrics."""
