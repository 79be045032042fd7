"""Method calls between two processes of this machine, over a socket that needs neither a file nor a port."""

import logging
import threading
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener

logger = logging.getLogger("local.calls")
BACKLOG = 256  # callers beyond this number wait until they are accepted


class UnreachableError(Exception):
    """The other process does not respond: it is not running, or it ended before it returned a result."""


class CallError(Exception):
    """The method raised an exception in the other process; the message is that exception's representation."""


class Remote:
    """A proxy of an object that another process serves under an address; both processes know the key."""

    def __init__(self, address: str, key: bytes) -> None:
        self._address, self._key = address, key

    def call(self, method: str, *arguments: object) -> object:
        """Return the result of the object's method; any thread may call.

        Raise UnreachableError if the other process does not respond, CallError if the method raised an exception.
        """
        try:
            with Client(self._address, authkey=self._key) as connection:
                connection.send((method, arguments))
                is_done, result = connection.recv()
        except (OSError, EOFError, AuthenticationError) as error:
            raise UnreachableError(f"no response to {method}: {error!r}") from error
        if not is_done:
            raise CallError(result)
        return result

    def is_up(self) -> bool:
        """Return True if the other process accepts a connection."""
        try:
            Client(self._address, authkey=self._key).close()
        except (OSError, EOFError, AuthenticationError):
            return False
        return True


def serve(address: str, key: bytes, target: object) -> threading.Thread:
    """Serve calls of the target's methods, each in a thread of its own, until the process ends.

    Return the thread that accepts the calls. An address that begins with a NUL byte is in Linux's abstract namespace:
    it is not a file, and it disappears with the process.
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
            continue  # the caller has gone, or does not know the key
        threading.Thread(target=_respond, args=(connection, target), daemon=True).start()


def _respond(connection: Connection, target: object) -> None:
    with connection:
        try:
            method, arguments = connection.recv()
            connection.send(_call(target, method, arguments))
        except (OSError, EOFError):
            return  # the caller has gone


def _call(target: object, method: str, arguments: tuple[object, ...]) -> tuple[bool, object]:
    try:
        return True, getattr(target, method)(*arguments)
    except Exception as error:
        logger.exception("call of %s", method)
        return False, repr(error)
