"""From the output of a model to the files that a biologist opens."""
