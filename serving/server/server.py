"""A server's life: bind, load, open, follow the folders, drain, end."""

import faulthandler
import gc
import logging
import os
import sys
import threading
import time
from typing import Final

from starlette.types import ASGIApp

from digits.errors import SettingsError
from digits.settings import EXIT_BAD_SETTINGS
from serving.server.errors import FailedPreconditionError
from serving.server.grpc.health import Health
from serving.server.grpc.server import open_grpc
from serving.server.inference.admission import Admission
from serving.server.inference.predict import Limits
from serving.server.models.config import read_sources
from serving.server.models.loading import batch_calls
from serving.server.models.registry import Models
from serving.server.models.reload import Reloader
from serving.server.models.watcher import Retries, Watcher
from serving.server.monitoring.access_log import AccessLog, RestAccessLog
from serving.server.monitoring.metrics import Metrics
from serving.server.monitoring.middleware import GrpcMeter, RestMeter, read_metrics_path
from serving.server.parts import (
    count_cores,
    joins_calls,
    limit_threads,
    make_admission,
    make_dynamic_batching,
    make_limits,
    make_loader,
    make_rest_server,
    make_verification,
)
from serving.server.rest.app import RestApp
from serving.server.settings import ServerSettings
from serving.server.signals import Ending, catch_signals

_log = logging.getLogger(__name__)

_EXIT_CANNOT_LISTEN: Final = 1
_SWITCH_SECONDS: Final = 0.001
"""After which a thread that waits for the interpreter is let in. With Python's own 5 ms a computed
answer waits while the event loop reads other calls (measured: docs/experiments.md)."""
_GRACE: Final = 5.0
"""Seconds that draining may take longer than it should."""


def serve(settings: ServerSettings) -> int:
    """Serve until SIGTERM or SIGINT, then let the calls in flight end; a second signal ends at
    once.

    Returns:
        The exit code, where it cannot serve; else the process ends.
    """
    _log_plainly()
    sys.setswitchinterval(_SWITCH_SECONDS)
    ending = Ending()
    wait_for_signal = catch_signals(ending)
    try:
        _spare_the_collector()
        limit_threads(settings)
        server = Server(settings)
        server.load()
        ending.waits_for_calls = True
        server.start()
    except SettingsError as error:
        print(f"{settings.program}: {error}", file=sys.stderr)
        return EXIT_BAD_SETTINGS
    except OSError as error:
        print(f"{settings.program}: {error}", file=sys.stderr)
        return _EXIT_CANNOT_LISTEN
    wait_for_signal()
    # What hangs must not hold the exit up; and the operator learns where it hung.
    faulthandler.dump_traceback_later(settings.drain_seconds + _GRACE, exit=True)
    threading.Thread(target=_end, args=(server, settings.drain_seconds), name="drain").start()
    while True:
        wait_for_signal()  # whose handler ends the process


def _end(server: "Server", seconds: float) -> None:
    """Drain the server, then end the process: a kernel that still runs must not hold the exit
    up."""
    code = 1
    try:
        server.drain(seconds)
        code = 0
    finally:
        if code:
            _log.error("draining failed", exc_info=True)
        logging.shutdown()
        os._exit(code)


def _spare_the_collector() -> None:
    """Keep the modules out of garbage collection: TensorFlow's alone make a full collection stop
    every call for a while.

    Done before any model is loaded, for a retired model must be collected.
    """
    gc.collect()
    gc.freeze()


def _log_plainly() -> None:
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr
    )
    for name in ("absl", "tensorflow"):  # their steps are no events of ours
        logging.getLogger(name).setLevel(logging.WARNING)
    # They write a line, or a traceback, for every caller who sends garbage.
    for name in ("uvicorn", "grpc._common"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


class Server:
    """Both protocols over one set of models. Binds its ports when made, answers after `start`."""

    def __init__(self, settings: ServerSettings) -> None:
        """Bind the ports.

        Raises:
            SettingsError: the models' configuration, or another file, cannot be used.
            OSError: a port is taken.
        """
        self._settings = settings
        self._stop = threading.Event()
        self._loaded_seconds = 0.0
        self._sources = read_sources(settings)
        self.models = Models(source.name for source in self._sources)
        limits = make_limits(settings)
        metrics = Metrics(self.models)
        self._health = Health(self.models)
        retries = Retries(settings.max_num_load_retries, settings.load_retry_interval_micros / 1e6)
        load = metrics.watch_loads(make_loader(settings, limits))
        if batching := make_dynamic_batching(settings):
            load = batch_calls(load, batching)
        self._watcher = Watcher(
            *(self._sources, self.models, load, retries),
            after_look=self._health.refresh,
            verify=make_verification(settings, self.models),
        )
        unavailable_labels = settings.allow_version_labels_for_unavailable_models
        self._reloader = Reloader(
            self._sources, self.models, self._watcher, unavailable_labels=unavailable_labels
        )
        self._open(make_admission(settings), limits, metrics)

    def _open(self, admission: Admission, limits: Limits, metrics: Metrics) -> None:
        """Bind both protocols."""
        settings = self._settings
        log = AccessLog() if settings.access_log else None
        self._grpc, self.port = open_grpc(
            self.models,
            admission,
            limits,
            settings,
            meter=GrpcMeter(metrics),
            log=log,
            reloader=self._reloader,
            health=self._health,
        )
        protocol: ASGIApp = RestApp(
            *(self.models, admission, limits, settings, self._stop.is_set),
            joins=joins_calls(settings),
        )
        protocol = RestMeter(
            RestAccessLog(protocol, log) if log else protocol,
            metrics,
            read_metrics_path(settings.monitoring_config_file),
        )
        self._rest = make_rest_server(protocol, settings) if settings.rest_api_port else None

    def load(self) -> None:
        """Load what is there, as many models at a time as there are cores.

        Raises:
            SettingsError: a label names a version that is not there.
        """
        began = time.monotonic()
        self._watcher.look(at_once=count_cores())
        try:
            self._reloader.label_first()
        except FailedPreconditionError as error:
            raise SettingsError(
                f"{error.text}; see --allow_version_labels_for_unavailable_models"
            ) from error
        for source in self._sources:
            if not self.models.available(source.name):
                _log.warning(
                    "model %s: no version to serve yet in %s; it is served as soon as one appears",
                    source.name,
                    source.base,
                )
        self._loaded_seconds = time.monotonic() - began

    def start(self) -> None:
        """Answer what is loaded, and follow the folders in the background."""
        self._grpc.start()
        if self._rest:
            self._rest.start()
        self._follow()
        protocols = f"gRPC on {self._settings.host}:{self.port}" + (
            f", REST on {self._settings.host}:{self._rest.port}" if self._rest else ""
        )
        _log.info("ready: %s; models loaded in %.1f s", protocols, self._loaded_seconds)

    def _follow(self) -> None:
        """Follow the folders, and the configuration file, in the background."""
        settings = self._settings
        if settings.file_system_poll_wait_seconds:
            arguments = (settings.file_system_poll_wait_seconds, self._stop)
            threading.Thread(
                target=self._watcher.follow, args=arguments, name="watcher", daemon=True
            ).start()
        if settings.model_config_file and settings.model_config_file_poll_wait_seconds:
            reading = (
                settings.model_config_file,
                lambda: read_sources(settings),
                settings.model_config_file_poll_wait_seconds,
                self._stop,
            )
            threading.Thread(
                target=self._reloader.follow, args=reading, name="configuration", daemon=True
            ).start()

    def drain(self, seconds: float) -> None:
        """Tell everybody that this server is going, take no new calls, and wait at most `seconds`
        for those in flight."""
        _log.info("draining: calls in flight have %g s to end", seconds)
        self._stop.set()
        self._health.leave()
        until = time.monotonic() + seconds
        ended: threading.Event = self._grpc.stop(seconds)
        if self._rest:
            self._rest.stop(seconds)
        ended.wait(max(0.0, until - time.monotonic()))
        _log.info("drained")
