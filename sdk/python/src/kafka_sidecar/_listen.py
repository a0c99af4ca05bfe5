"""Listening sockets."""

from __future__ import annotations

import errno
import os
import socket
import stat
from contextlib import suppress

_BACKLOG = 128


def listen_tcp(host: str, port: int) -> socket.socket:
    """OSError, with one line that says what to do, if that does not work."""
    if not 0 <= port <= 65535:
        raise ValueError(f"port is {port}: it must be from 0 (any free one) to 65535")
    place = f"{host}:{port}"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise _explained(error, place) from None


def listen_unix(path: str, mode: int) -> socket.socket:
    """A socket file of that mode. A file that nobody listens on any more is replaced. OSError as above."""
    place = f"unix:{path}"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_stale(path)
        listener.bind(path)
        os.chmod(path, mode)  # before listen: until then nobody can connect
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise _explained(error, place) from None
    return listener


def remove_unix(path: str, identity: tuple[int, int]) -> None:
    """Remove the socket file, if it is still the same and not that of a process started since."""
    with suppress(FileNotFoundError):
        if identity_of(path) == identity:
            os.unlink(path)


def identity_of(path: str) -> tuple[int, int]:
    found = os.lstat(path)
    return found.st_dev, found.st_ino


def _remove_stale(path: str) -> None:
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(errno.EEXIST, "there is a file that is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
    raise OSError(errno.EADDRINUSE, "another process listens there")


def _explained(error: OSError, place: str) -> OSError:
    if error.errno == errno.EADDRINUSE:
        what = f"{place} is in use: stop what listens there, or choose another place"
    elif error.errno in (errno.EACCES, errno.EPERM):
        what = f"no permission to listen on {place}: choose another place, or grant the permission"
    else:
        what = f"can't listen on {place}: {error.strerror or error}"
    return OSError(error.errno, what)
