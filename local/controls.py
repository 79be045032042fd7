"""Requests with which tests move time: not of AWS, and served to every caller on loopback."""

from types import ModuleType
from urllib.parse import unquote

from local.patches import s3_restores

PREFIX = "/_seqdrop/expire-restore/"


def install(app: ModuleType) -> None:
    """Serve `POST /_seqdrop/expire-restore/<bucket>/<key>[?versionId=…]`: the days of a restored copy are over."""
    serve_others = app._handle_s3_control_request

    async def serve(
        path: str, method: str, body: bytes, query_params: dict, request_id: str, headers: dict | None = None
    ) -> tuple | None:
        if method != "POST" or not path.startswith(PREFIX):
            return await serve_others(path, method, body, query_params, request_id, headers)
        bucket, _, key = unquote(path.removeprefix(PREFIX)).partition("/")
        version = query_params.get("versionId", [""])
        has_ended = s3_restores.expire(bucket, key, version[0] if isinstance(version, list) else version)
        return (204 if has_ended else 404), {}, b""

    app._handle_s3_control_request = serve
