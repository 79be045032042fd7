"""From a stream of bytes to work items: examination, selection, work items, and their reuse."""
