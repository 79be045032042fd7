"""Operator: replays and releases, which a person requests with the command `seqdrop`."""
