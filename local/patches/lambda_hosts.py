"""Functions that call S3 Control: their workers resolve the account's name on loopback (account_hosts.py)."""

import inspect

from ministack.core import lambda_runtime

from local import account_hosts


def apply() -> None:
    """Put the resolver before ministack's script of a Python worker, which runs before the function is imported."""
    resolver = f"{inspect.getsource(account_hosts)}\nresolve_account_hosts()\n"
    lambda_runtime._PYTHON_WORKER_SCRIPT = resolver + lambda_runtime._PYTHON_WORKER_SCRIPT
