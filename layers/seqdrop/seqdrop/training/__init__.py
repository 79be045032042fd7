"""Training from dropped files: the content of `training/<name>/`, its validation, its distribution, and its plan.

jobfile   job.toml as validated objects           request   what a training attempt stores
data/     readers of data sets, preparation       distribution/, plan/   GPUs and hosts; memory, time and cost
"""
