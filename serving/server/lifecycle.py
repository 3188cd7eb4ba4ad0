"""A server's life: bind, load, open, follow the folders, drain, end."""

import gc
import logging
import os
import signal
import socket
import sys
import threading
import time
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Final

import uvicorn

from digits.errors import SettingsError
from digits.settings import EXIT_BAD_SETTINGS
from serving.server.config import read_sources
from serving.server.gate import Gate
from serving.server.grpc_door import open_grpc
from serving.server.loading import load_version
from serving.server.metering import GrpcMeter, RestMeter, read_metrics_path
from serving.server.metrics import Metrics
from serving.server.models import Models
from serving.server.predict import Limits
from serving.server.rest_door import RestDoor
from serving.server.settings import ServerSettings
from serving.server.version import LoadedVersion
from serving.server.warmup import warm_up
from serving.server.watcher import Watcher

_log = logging.getLogger(__name__)

_EXIT_CANNOT_LISTEN: Final = 1
_BACKLOG: Final = 2048
"""Connections that may wait to be accepted; uvicorn's own default."""
_EXIT_AT_ONCE: Final = 130
"""What a shell reports for a program ended by SIGINT."""


def serve(settings: ServerSettings) -> int:
    """Serve until SIGTERM or SIGINT, then let the calls in flight end; a second signal ends at once.

    Returns:
        The exit code.
    """
    _log_plainly()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, partial(_on_signal, stop))
    try:
        _spare_the_collector()
        server = Server(settings)
    except SettingsError as error:
        print(f"{settings.program}: {error}", file=sys.stderr)
        return EXIT_BAD_SETTINGS
    except OSError as error:
        print(f"{settings.program}: {error}", file=sys.stderr)
        return _EXIT_CANNOT_LISTEN
    server.start()
    stop.wait()
    server.drain(settings.drain_seconds)
    logging.shutdown()
    os._exit(0)  # a kernel that still runs must not hold the exit up


def _spare_the_collector() -> None:
    """Keep the modules out of garbage collection: TensorFlow's alone make a full collection stop every call for a while.

    Done before any model is loaded, for a retired model must be collected.
    """
    gc.collect()
    gc.freeze()


def _log_plainly() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    for name in ("absl", "tensorflow"):  # their steps are no events of ours
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("uvicorn", "grpc._common"):  # they write a line, or a traceback, for every caller who sends garbage
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _on_signal(stop: threading.Event, number: int, _frame: FrameType | None) -> None:
    if stop.is_set():
        os._exit(_EXIT_AT_ONCE)
    stop.set()


class Server:
    """Both doors over one set of models. Binds its ports when made, answers after `start`."""

    def __init__(self, settings: ServerSettings) -> None:
        """Bind the ports.

        Raises:
            SettingsError: the models' configuration cannot be used.
            OSError: a port is taken.
        """
        self._sources = read_sources(settings)
        limits = Limits(settings.max_message_bytes, settings.max_batch_items)
        gate = Gate(settings.max_running_calls, settings.max_queued_calls)
        self.models = Models({source.name: source.labels for source in self._sources})
        self._settings = settings
        self._stop = threading.Event()
        metrics = Metrics(self.models)
        self._watcher = Watcher(self._sources, self.models, metrics.watch_loads(partial(_load, limits, settings.require_manifest)))
        self._grpc, self.port = open_grpc(self.models, gate, limits, settings, settings.port, meter=GrpcMeter(metrics))
        door = RestMeter(RestDoor(self.models, gate, limits, settings), metrics, read_metrics_path(settings.monitoring_config_file))
        self._rest = _Rest(door, settings) if settings.rest_api_port else None

    def start(self) -> None:
        """Load what is there, then answer, then follow the folders in the background."""
        began = time.monotonic()
        self._watcher.look()
        for source in self._sources:
            if not self.models.available(source.name):
                _log.warning("model %s: no version to serve yet in %s; it is served as soon as one appears", source.name, source.base)
        self._grpc.start()
        if self._rest:
            self._rest.start()
        if self._settings.file_system_poll_wait_seconds:
            arguments = (self._settings.file_system_poll_wait_seconds, self._stop)
            threading.Thread(target=self._watcher.follow, args=arguments, name="watcher", daemon=True).start()
        doors = f"gRPC on {self._settings.host}:{self.port}" + (f", REST on {self._settings.host}:{self._rest.port}" if self._rest else "")
        _log.info("ready: %s; models loaded in %.1f s", doors, time.monotonic() - began)

    def drain(self, seconds: float) -> None:
        """Take no new calls, and wait at most `seconds` for those in flight."""
        _log.info("draining: calls in flight have %g s to end", seconds)
        self._stop.set()
        until = time.monotonic() + seconds
        ended: threading.Event = self._grpc.stop(seconds)
        if self._rest:
            self._rest.stop(seconds)
        ended.wait(max(0.0, until - time.monotonic()))
        _log.info("drained")


class _Rest:
    """uvicorn in a thread of its own, so that the main thread keeps the signals."""

    def __init__(self, app: RestMeter, settings: ServerSettings) -> None:
        self._socket = _bind(settings.host, settings.rest_api_port)
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=max(1, int(settings.drain_seconds)),
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, name="rest", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, seconds: float) -> None:
        self._server.should_exit = True
        self._thread.join(seconds)


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise OSError(f"expected a free port for REST; received {host}:{port}: {error.strerror}; choose another") from error
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # connections inherit it; without, each answer waits 40 ms for an ACK
    return listener


def _load(limits: Limits, require_manifest: bool, model: str, number: int, folder: Path) -> LoadedVersion:
    return load_version(
        model, number, folder, require_manifest=require_manifest, warm_up=lambda version, where: warm_up(version, where, limits)
    )
