"""Runs the service until a signal ends it."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass

import uvicorn
from spaner_core.errors import ConfigError, SpaceError

from spaner.index.usable_index import usable_index
from spaner.project import Project
from spaner.serve.admission import LOOPBACK, Admission
from spaner.serve.api import build_api
from spaner.serve.guard import Guard
from spaner.serve.limits import Limits
from spaner.serve.opened import Opened
from spaner.serve.protocol import watched_protocol
from spaner.serve.tokens import Tokens
from spaner.serve.worker import Worker

GRACE_S = 10
"""How long answers that are under way may take after a signal."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the service listens, and who may ask it."""

    host: str
    port: int
    tokens: Tokens | None

    def __post_init__(self) -> None:
        if self.host not in LOOPBACK and self.tokens is None:
            raise ConfigError(
                f"--host {self.host}: others could ask without a token; expected one; name a file "
                "with --token-file, set SPANER_TOKEN, or leave --host out"
            )


def serve(
    open_project: Callable[[], Project],
    place: Place,
    *,
    say: Callable[[str], None],
    limits: Limits | None = None,
) -> None:
    """Answer at a `place` until a signal comes; `say` is told where, once it listens.

    Raises `SpaceError` where no modality has an index, `ConfigError` where the port is taken, and
    what opening the project raises.
    """
    limits = limits or Limits()
    opened = Opened(open_project)
    _check_ready(opened.now())
    with _listen(place) as listener:
        worker = Worker(opened)
        api = build_api(worker, limits=limits)
        config = uvicorn.Config(
            Guard(api, limits=limits, admission=Admission(tokens=place.tokens)),
            http=watched_protocol(limits.idle_s),
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            date_header=False,
            limit_concurrency=limits.connections,
            timeout_graceful_shutdown=GRACE_S,
        )
        worker.start()
        try:
            _Server(config, lambda: say(_address(listener))).run(sockets=[listener])
        finally:
            worker.close(within_s=GRACE_S)


class _Server(uvicorn.Server):
    """A server that says when it listens."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        self._ready()


def _check_ready(project: Project) -> None:
    """Build the encoders, and raise `SpaceError` unless a modality can be searched."""
    usable = []
    for name in project.config.modalities:
        try:
            project.space.check_modality(name)
            if usable_index(project, name) is not None:
                usable.append(name)
        except SpaceError as error:
            project.left_out.add(name, str(error))
    if not usable:
        raise SpaceError(
            f"no modality of {project.config.space} has an index to search{project.left_out.words}"
            "; run `spaner index` first"
        )


def _listen(place: Place) -> socket.socket:
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    # named, or asyncio leaves small packets to wait for one another, 40 ms an answer
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # elsewhere it lets two listen
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((place.host, place.port))
        listener.listen()
    except OSError as error:
        listener.close()
        other = "; name another with --port" if error.errno == errno.EADDRINUSE else ""
        raise ConfigError(
            f"cannot listen on {place.host} port {place.port}: {error.strerror or error}{other}"
        ) from error
    return listener


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
