"""Turn the output of a model into the files that a biologist opens."""
