"""`seqdrop share`: which files, links that expire, the page of a package, and the record of what was shared.

files    what is shared of each upload: results, and raw data that can be read
links    presigned addresses, and until when they work
page     the page of a package
records  what was shared with whom, until when
"""
