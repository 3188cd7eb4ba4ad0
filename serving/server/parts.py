"""The parts of a server, each made as the settings ask for it."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import tensorflow as tf
from starlette.types import ASGIApp

from serving.server.inference.admission import Admission, LargeCalls
from serving.server.inference.pieces import Pieces
from serving.server.inference.predict import Limits
from serving.server.inference.warmup import warm_up
from serving.server.models.batching import Batching, read_batching
from serving.server.models.config import ModelSource
from serving.server.models.dynamic_batching import DynamicBatching
from serving.server.models.loading import Loading, load_version
from serving.server.models.registry import Models
from serving.server.models.verification import Verification
from serving.server.models.version import LoadedVersion
from serving.server.models.watcher import Load
from serving.server.rest.server import RestServer
from serving.server.settings import ServerSettings


def joins_calls(settings: ServerSettings) -> bool:
    """Whether calls are joined while the model computes; TensorFlow's own batching does without."""
    return not settings.enable_batching and settings.max_batch_size > 1


def make_dynamic_batching(settings: ServerSettings) -> DynamicBatching | None:
    """How calls are joined; None where they are not.

    A computation has a core to itself, and one more is under way, so that no core idles while
    Python sends the answers of another. (Measured on two cores: with two, one eighth fewer answers
    for eight callers; with four, fewer for 64.)
    """
    if not joins_calls(settings):
        return None
    running = settings.max_running_calls
    turns = min(count_cores() + 1, running)
    return DynamicBatching(
        settings.max_batch_size,
        threading.Semaphore(running),
        turns,
        # As many as calls may be under way: turns bound those of a signature, and a slow model must
        # not hold up another.
        ThreadPoolExecutor(running + settings.max_queued_calls, "compute"),
    )


def count_cores() -> int:
    """Those that this process may use, where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def make_limits(settings: ServerSettings) -> Limits:
    """What one call may ask for; batches of TensorFlow's own are not cut into pieces."""
    return Limits(
        settings.max_message_bytes,
        settings.max_batch_items,
        settings.enable_signature_method_name_check,
        None if settings.enable_batching else _make_pieces(settings),
    )


def _make_pieces(settings: ServerSettings) -> Pieces:
    return Pieces(settings.max_call_pixels, LargeCalls(settings.max_large_calls))


def make_admission(settings: ServerSettings) -> Admission:
    """Where calls are joined they wait with the batcher, or in the batch queue, not before
    admission: those that wait are those that are computed as one batch."""
    running, queued = settings.max_running_calls, settings.max_queued_calls
    if settings.enable_batching or joins_calls(settings):
        running, queued = running + queued, 0
    return Admission(running, queued, settings.max_bytes_in_flight)


def _read_loading(settings: ServerSettings) -> Loading:
    tags = tuple(settings.saved_model_tags.split(","))
    return Loading(
        settings.require_manifest,
        tags,
        _read_batching(settings),
        settings.enable_per_model_batching_parameters,
    )


def _read_batching(settings: ServerSettings) -> Batching | None:
    if not settings.enable_batching:
        return None
    threads, file = os.cpu_count() or 1, settings.batching_parameters_file
    return read_batching(file, threads) if file else Batching(num_batch_threads=threads)


def make_rest_server(protocol: ASGIApp, settings: ServerSettings) -> RestServer:
    """The HTTP server, its port bound.

    Raises:
        OSError: the port is taken.
    """
    drain, receive = settings.drain_seconds, settings.rest_receive_seconds
    return RestServer(
        protocol,
        settings.host,
        settings.rest_api_port,
        drain_seconds=drain,
        receive_seconds=receive,
        keep_alive_seconds=settings.rest_keep_alive_seconds,
    )


def _warm_up_times(settings: ServerSettings) -> int:
    return max(1, settings.num_request_iterations_for_warmup) if settings.enable_model_warmup else 0


def make_verification(settings: ServerSettings, models: Models) -> Callable[[ModelSource], None]:
    """Versions without a manifest have nothing to be verified against."""
    if settings.require_manifest and settings.file_verify_wait_seconds:
        return Verification(models, settings.file_verify_wait_seconds).verify_due
    return lambda _: None


def make_loader(settings: ServerSettings, limits: Limits) -> Load:
    """What the watcher loads a version with; its recorded requests are replayed."""
    how, times = _read_loading(settings), _warm_up_times(settings)

    def warm(version: LoadedVersion, folder: Path) -> None:
        if times:
            warm_up(version, folder, limits, times)

    return lambda model, number, folder: load_version(model, number, folder, how=how, warm_up=warm)


def limit_threads(settings: ServerSettings) -> None:
    """Give TensorFlow as many threads as told; only possible before it computes anything.

    Where calls are joined, one thread for each operation unless told otherwise: the cores have
    calls of their own, or parts of one call, and handing one image's operations from thread to
    thread takes a fifth of its processor time.
    """
    inside = settings.tensorflow_intra_op_parallelism
    if not inside and joins_calls(settings):
        inside = 1
    if inside:
        tf.config.threading.set_intra_op_parallelism_threads(inside)
    operations = settings.tensorflow_inter_op_parallelism
    if not operations and (batching := _read_batching(settings)):
        # Each running batch keeps one thread; a call that comes meanwhile needs another to join the
        # queue, or be refused, at once.
        operations = batching.num_batch_threads + (os.cpu_count() or 1)
    if operations:
        tf.config.threading.set_inter_op_parallelism_threads(operations)
