"""Settings: analyses.toml, the kinds of analysis, and the environment of a function."""
