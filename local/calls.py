"""Calls between two processes of this machine: the methods of an object, over a socket with no file and no port."""

import logging
import threading
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener

logger = logging.getLogger("local.calls")
BACKLOG = 256  # callers beyond these wait until they are accepted


class UnreachableError(Exception):
    """Nobody answers: the other process is not there, or ended before it answered."""


class CallError(Exception):
    """The other process could not do what it was asked for; the message is what went wrong there."""


class Remote:
    """The way to an object that another process serves under an address, to those who know the key."""

    def __init__(self, address: str, key: bytes):
        self._address, self._key = address, key

    def call(self, method: str, *arguments):
        """What the object's method answers. Raises UnreachableError or CallError. Any thread may call."""
        try:
            with Client(self._address, authkey=self._key) as connection:
                connection.send((method, arguments))
                done, answer = connection.recv()
        except (OSError, EOFError, AuthenticationError) as error:
            raise UnreachableError(f"no answer to {method}: {error!r}") from error
        if not done:
            raise CallError(answer)
        return answer

    def is_there(self) -> bool:
        """Whether somebody answers."""
        try:
            Client(self._address, authkey=self._key).close()
        except (OSError, EOFError, AuthenticationError):
            return False
        return True


def serve(address: str, key: bytes, target: object) -> threading.Thread:
    """Answer calls to the target's methods, each in a thread of its own, for as long as the process lives.

    An address that begins with a NUL byte is a name that only Linux knows, which goes with the process.
    """
    listener = Listener(address, backlog=BACKLOG, authkey=key)
    thread = threading.Thread(target=_accept, args=(listener, target), name="calls", daemon=True)
    thread.start()
    return thread


def _accept(listener: Listener, target: object) -> None:
    while True:
        try:
            connection = listener.accept()
        except (OSError, EOFError, AuthenticationError):
            continue  # who called has gone, or does not know the key
        threading.Thread(target=_answer, args=(connection, target), daemon=True).start()


def _answer(connection: Connection, target: object) -> None:
    with connection:
        try:
            method, arguments = connection.recv()
            connection.send(_outcome(target, method, arguments))
        except (OSError, EOFError):
            return  # who called has gone


def _outcome(target: object, method: str, arguments: tuple) -> tuple[bool, object]:
    try:
        return True, getattr(target, method)(*arguments)
    except Exception as error:
        logger.exception("call of %s", method)
        return False, repr(error)
