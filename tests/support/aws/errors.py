"""The error by which a fake service refuses a request."""

from __future__ import annotations


class RefusedError(Exception):
    """An error of a service. The client raises it as botocore's ClientError."""

    def __init__(self, code: str, message: str = "", status: int = 400, **more):
        super().__init__(code)
        self.status = status
        self.response = {"Error": {"Code": code, "Message": message or code}, **more}
