"""Seqdrop's domain: everything that happens to a sequencing file, from the upload to the cold archive.

Handlers in functions/ parse an event and call `seqdrop.stages`, which calls the other packages.
No module of this package reads the environment, the clock or the network when it is imported.
"""

__version__ = "0.2.0"
