"""How a service says no."""

from __future__ import annotations


class RefusedError(Exception):
    """An error of a service, as its client will raise it (botocore's ClientError)."""

    def __init__(self, code: str, message: str = "", status: int = 400, **more):
        super().__init__(code)
        self.status = status
        self.response = {"Error": {"Code": code, "Message": message or code}, **more}
