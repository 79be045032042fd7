"""The ledger: what has happened to every upload, attempt and job, and what may happen next.

moves          the states and the allowed moves, as one table
records        upload, attempt and job as they are stored
restore_records  requests for restores, and the archive objects that they restore
endpoint_record  orders about an endpoint, and its last update
coordination   records that several others share: sets of files, open transform jobs, positions in listings
earlier_sets   the layout in which versions up to 0.2.0 stored sets of files
reading        reads of all of them
table          the ledger: those reads, and conditional writes
diagram        docs/ledger.md, generated from the table of moves
"""
