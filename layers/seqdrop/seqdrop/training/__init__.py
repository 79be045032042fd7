"""Training from the files dropped into `training/<name>/`.

jobfile        job.toml as validated objects
data           readers of data sets, and their preparation
distribution   distribution of a job over GPUs and hosts
plan           memory, time and cost
request        the plan of a training attempt, as stored
"""
