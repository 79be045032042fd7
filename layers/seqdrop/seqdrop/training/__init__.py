"""Training from a drop: what `training/<name>/` holds, whether it is sound, how it is spread, and what that takes.

jobfile   job.toml as validated, frozen objects        fields    the rules of its settings
place     which training and which seat a key means    order     what a training attempt remembers
flip, three_line, table   readers of data sets         residues  what a record may hold
prepare   from files to the normalised JSON Lines      problems  what is wrong, bounded and counted
distribution, plan   how a job is spread, its memory, time and money    sizing    the two held to one job.toml
"""
