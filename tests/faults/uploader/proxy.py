"""A TCP proxy that cuts some connections after a random number of bytes, in its own process."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

BLOCK = 1 << 16


@contextmanager
def cut_connections(port: int, source: random.Random, share: float) -> Iterator[int]:
    """Yield the port of a proxy to 127.0.0.1:`port`. It cuts `share` of the connections within their first 12 MiB."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        child = os.fork()
        if child == 0:
            os.setpgid(0, 0)
            try:
                asyncio.run(_serve(listener, port, source, share))
            finally:
                os._exit(1)
        try:
            yield listener.getsockname()[1]
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


async def _serve(listener: socket.socket, port: int, source: random.Random, share: float) -> None:
    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        budget = [int(2 ** source.uniform(6, 23.6))] if source.random() < share else [1 << 62]
        try:
            await asyncio.gather(_pump(reader, back, budget), _pump(there, writer, budget))
        except (OSError, EOFError):
            pass
        finally:
            for stream in (writer, back):
                stream.transport.abort()

    server = await asyncio.start_server(connect, sock=listener)
    await server.serve_forever()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, budget: list[int]) -> None:
    while block := await reader.read(BLOCK):
        budget[0] -= len(block)
        if budget[0] < 0:
            writer.write(block[: len(block) + budget[0]])
            await writer.drain()
            raise ConnectionResetError
        writer.write(block)
        await writer.drain()
    raise EOFError
