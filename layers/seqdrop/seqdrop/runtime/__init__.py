"""The environment of a stage: clients and settings, the shapes of events and messages, the log, and metrics."""
