"""Seqdrop's domain: what happens to a sequencing file between its drop and its cold archive.

Handlers in functions/ parse an event and call `seqdrop.stages`; everything else is reached from there.
Nothing in this package reads the environment, the clock or the network when it is imported.
"""

__version__ = "0.2.0"
