"""The ledger: what has happened to every upload, attempt and job, and what may happen next.

moves    the states and the allowed moves, as one table
records  upload, attempt and job as they are stored
shared   what several of them have to do with: a pair, a data set, the room for jobs
table    reading and writing them; every write is conditional
"""
