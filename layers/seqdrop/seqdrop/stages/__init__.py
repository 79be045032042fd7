"""The stages of an upload, with a folder for each function. Each may run twice, late or out of order."""
