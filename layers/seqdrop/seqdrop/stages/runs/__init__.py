"""Sequencer runs: record them, judge whether they are complete, let their files advance, and report them."""
