"""The `seqdrop` command: what a lab types. It talks to a deployed stack, in AWS or embedded."""
