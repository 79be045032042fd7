"""Sequencer runs: instruments, completion, samples, checksum lists, bundles. Pure functions, no AWS."""
