"""The stages of an upload, with a folder for each function. A stage may run twice, late or out of order."""
