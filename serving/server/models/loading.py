"""Turn a version folder into a loaded version, or say in one sentence why it is refused."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2

from digits import manifest
from digits.errors import SettingsError, VersionError
from saved_model.graph import GRAPH_FILE, find_graph
from serving.server.errors import Code, ServingError, VersionRefusedError, plain
from serving.server.models.batching import PER_MODEL_FILE, Batching, batch, read_batching
from serving.server.models.dynamic_batching import Batcher, DynamicBatching, is_batchable
from serving.server.models.functions import compute_signature
from serving.server.models.signature import read_signatures
from serving.server.models.splitting import Splitter
from serving.server.models.version import LoadedVersion

INDEX_FILE: Final = "variables/variables.index"
_SHARD: Final = re.compile(r"variables\.data-(\d{5})-of-(\d{5})")

Check = Callable[[LoadedVersion, Path], None]


@dataclass(frozen=True)
class Loading:
    """How versions are loaded: whether a manifest is needed, the graph's tags, and how calls are
    joined into batches (None: not)."""

    require_manifest: bool = True
    tags: tuple[str, ...] = (tf.saved_model.SERVING,)
    batching: Batching | None = None
    own_batching: bool = False
    """Whether a version's own file goes before `batching`."""


def load_version(
    model: str, number: int, folder: Path, *, how: Loading, warm_up: Check
) -> LoadedVersion:
    """Check the files, load the SavedModel, and run its warm-up requests.

    Args:
        model: name the version answers to.
        number: the version's number.
        folder: the version's folder.
        how: what is asked of a version, and how it is run.
        warm_up: replays recorded requests; what it raises refuses the version.

    Raises:
        VersionRefusedError: incomplete, altered, unreadable, or a warm-up request failed.
    """
    try:
        _check_files(folder, how.require_manifest)
        version = _load(model, number, folder, how)
        warm_up(version, folder)
    except VersionRefusedError:
        raise
    except SettingsError as error:
        raise VersionRefusedError(
            Code.INVALID_ARGUMENT, str(error).replace(str(folder), "…")
        ) from error
    except VersionError as error:
        raise VersionRefusedError(Code.DATA_LOSS, str(error)) from error
    except ServingError as error:
        raise VersionRefusedError(error.code, f"a warm-up request failed: {error.text}") from error
    except tf.errors.OpError as error:
        raise VersionRefusedError(
            Code(error.error_code), plain(error.message.replace(str(folder), ""))
        ) from error
    except Exception as error:
        raise VersionRefusedError(
            Code.DATA_LOSS,
            f"the files are no SavedModel that can be loaded ({type(error).__name__})",
        ) from error
    return version


def _check_files(folder: Path, require_manifest: bool) -> None:
    if require_manifest:
        manifest.verify(folder)
    else:
        _check_complete(folder)


def _check_complete(folder: Path) -> None:
    """Without a manifest: every file that a SavedModel needs is there. TensorFlow's loader would
    take absent variables for none."""
    for name in (GRAPH_FILE, INDEX_FILE):
        if not (folder / name).is_file():
            raise VersionRefusedError(
                Code.NOT_FOUND,
                f"expected the file '{name}'; received a version without it; copy it whole",
            )
    shards = [
        match for path in (folder / "variables").iterdir() if (match := _SHARD.fullmatch(path.name))
    ]
    counts = {int(match[2]) for match in shards}
    if len(counts) != 1 or {int(match[1]) for match in shards} != set(range(min(counts))):
        raise VersionRefusedError(
            Code.NOT_FOUND,
            "expected every data file of the variables; received only some; copy the version whole",
        )


def _load(model: str, number: int, folder: Path, how: Loading) -> LoadedVersion:
    definitions = dict(_read_graph(folder, frozenset(how.tags)).signature_def)
    saved_model = tf.saved_model.load(str(folder), tags=list(how.tags))
    signatures, batching = read_signatures(definitions), _batching(folder, how)
    functions = {
        name: batch(function, signatures[name], batching)
        if batching
        else compute_signature(function, signatures[name])
        for name, function in saved_model.signatures.items()
        if name in signatures
    }
    return LoadedVersion(
        model=model,
        number=number,
        definitions=definitions,
        signatures=signatures,
        functions=functions,
        saved_model=saved_model,
    )


def batch_calls(
    load: Callable[[str, int, Path], LoadedVersion], batching: DynamicBatching
) -> Callable[[str, int, Path], LoadedVersion]:
    """Let what `load` loads join calls of those signatures whose every tensor has a free first
    axis; of others, and of larger calls, each is computed apart."""
    parts = max(1, batching.turns - 1)
    helpers = ThreadPoolExecutor(parts, "part")

    def loaded(model: str, number: int, folder: Path) -> LoadedVersion:
        version = load(model, number, folder)
        batchers = {
            name: Splitter(
                Batcher(compute, batching, batches=is_batchable(version.signatures[name])),
                helpers,
                parts,
            )
            for name, compute in version.functions.items()
        }
        return replace(version, batchers=batchers)

    return loaded


def _batching(folder: Path, how: Loading) -> Batching | None:
    own = folder / PER_MODEL_FILE
    return (
        read_batching(own, how.batching.num_batch_threads)
        if how.batching and how.own_batching and own.is_file()
        else how.batching
    )


def _read_graph(folder: Path, tags: frozenset[str]) -> meta_graph_pb2.MetaGraphDef:
    graph = find_graph(folder, tags)
    if graph is None:
        raise VersionRefusedError(
            Code.NOT_FOUND,
            f"expected a graph tagged '{','.join(tags)}'; received none; export it for serving",
        )
    return graph
