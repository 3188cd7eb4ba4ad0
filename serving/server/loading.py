"""Turn a version folder into a loaded version, or say in one sentence why it is refused."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

from digits import manifest
from digits.errors import VersionError
from serving.server.errors import Code, ServingError, VersionRefusedError, plain
from serving.server.signature import read_signatures
from serving.server.version import LoadedVersion

GRAPH_FILE: Final = "saved_model.pb"
INDEX_FILE: Final = "variables/variables.index"
_SHARD: Final = re.compile(r"variables\.data-(\d{5})-of-(\d{5})")

Check = Callable[[LoadedVersion, Path], None]


def load_version(model: str, number: int, folder: Path, *, require_manifest: bool, warm_up: Check) -> LoadedVersion:
    """Check the files, load the SavedModel, and run its warm-up requests.

    Args:
        model: name the version answers to.
        number: the version's number.
        folder: the version's folder.
        require_manifest: refuse a folder without a manifest that fits it.
        warm_up: replays recorded requests; what it raises refuses the version.

    Raises:
        VersionRefusedError: incomplete, altered, unreadable, or a warm-up request failed.
    """
    try:
        _check_files(folder, require_manifest)
        version = _load(model, number, folder)
        warm_up(version, folder)
    except VersionRefusedError:
        raise
    except VersionError as error:
        raise VersionRefusedError(Code.DATA_LOSS, str(error)) from error
    except ServingError as error:
        raise VersionRefusedError(error.code, f"a warm-up request failed: {error.text}") from error
    except tf.errors.OpError as error:
        raise VersionRefusedError(Code(error.error_code), plain(error.message.replace(str(folder), ""))) from error
    except Exception as error:
        raise VersionRefusedError(Code.DATA_LOSS, f"the files are no SavedModel that can be loaded ({type(error).__name__})") from error
    return version


def _check_files(folder: Path, require_manifest: bool) -> None:
    if require_manifest:
        manifest.verify(folder)
    else:
        _check_complete(folder)


def _check_complete(folder: Path) -> None:
    """Without a manifest: every file that a SavedModel needs is there. TensorFlow's loader would take absent variables for none."""
    for name in (GRAPH_FILE, INDEX_FILE):
        if not (folder / name).is_file():
            raise VersionRefusedError(Code.NOT_FOUND, f"expected the file '{name}'; received a version without it; copy it whole")
    shards = [match for path in (folder / "variables").iterdir() if (match := _SHARD.fullmatch(path.name))]
    counts = {int(match[2]) for match in shards}
    if len(counts) != 1 or {int(match[1]) for match in shards} != set(range(min(counts))):
        raise VersionRefusedError(Code.NOT_FOUND, "expected every data file of the variables; received only some; copy the version whole")


def _load(model: str, number: int, folder: Path) -> LoadedVersion:
    definitions = dict(_read_graph(folder).signature_def)
    saved_model = tf.saved_model.load(str(folder))
    return LoadedVersion(
        model=model,
        number=number,
        definitions=definitions,
        signatures=read_signatures(definitions),
        functions=dict(saved_model.signatures),
        saved_model=saved_model,
    )


def _read_graph(folder: Path) -> meta_graph_pb2.MetaGraphDef:
    try:
        saved_model = saved_model_pb2.SavedModel.FromString((folder / GRAPH_FILE).read_bytes())
    except DecodeError as error:
        raise VersionRefusedError(Code.DATA_LOSS, f"Can't parse {GRAPH_FILE} as binary proto") from error
    for graph in saved_model.meta_graphs:
        if tf.saved_model.SERVING in graph.meta_info_def.tags:
            return graph
    raise VersionRefusedError(Code.NOT_FOUND, f"expected a graph tagged '{tf.saved_model.SERVING}'; received none; export it for serving")
