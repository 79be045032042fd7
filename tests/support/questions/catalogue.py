"""All questions: the functions of the modules beside this one that take an account."""

from __future__ import annotations

from inspect import getmembers, isfunction

from tests.support.questions import objects, records

QUESTIONS = [
    function
    for module in (objects, records)
    for name, function in getmembers(module, isfunction)
    if function.__module__ == module.__name__ and not name.startswith("_")
]
