"""The graph of a SavedModel and the signatures in it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

from digits.contract import Signature, Tensor
from digits.errors import VersionError

GRAPH_FILE: Final = "saved_model.pb"
SERVE: Final = frozenset({tf.saved_model.SERVING})
"""Tags of the graph that is served where nobody asks for others."""
_INTERNAL: Final = "__"
"""Names of a SavedModel's own entries begin with this; nobody can call them."""


def find_graph(folder: Path, tags: frozenset[str] = SERVE) -> meta_graph_pb2.MetaGraphDef | None:
    """The graph with exactly these tags, or None where the SavedModel has none.

    Raises:
        VersionError: there is no readable SavedModel in `folder`.
    """
    try:
        saved = saved_model_pb2.SavedModel.FromString((folder / GRAPH_FILE).read_bytes())
    except OSError as error:
        raise VersionError(
            f"expected a SavedModel; received a '{GRAPH_FILE}' that cannot be read: "
            f"{error.strerror}; publish the version again"
        ) from error
    except DecodeError as error:
        raise VersionError(f"Can't parse {GRAPH_FILE} as binary proto") from error
    return next(
        (graph for graph in saved.meta_graphs if tags == set(graph.meta_info_def.tags)), None
    )


def callable_definitions(
    graph: meta_graph_pb2.MetaGraphDef,
) -> dict[str, meta_graph_pb2.SignatureDef]:
    """The signatures that can be called, by name."""
    return {
        name: definition
        for name, definition in graph.signature_def.items()
        if not name.startswith(_INTERNAL)
    }


def read_signatures(folder: Path) -> dict[str, Signature]:
    """The signatures of the SavedModel in `folder`, by name, as its graph has them.

    Raises:
        VersionError: there is no such SavedModel, or no graph to serve in it.
    """
    graph = find_graph(folder)
    if graph is None:
        raise VersionError(
            f"expected a graph tagged '{','.join(SERVE)}'; received none; export it for serving"
        )
    return {
        name: Signature(name, _tensors(definition.inputs), _tensors(definition.outputs))
        for name, definition in callable_definitions(graph).items()
    }


def _tensors(infos: Mapping[str, Any]) -> tuple[Tensor, ...]:
    return tuple(_tensor(name, info) for name, info in infos.items())


def _tensor(name: str, info: meta_graph_pb2.TensorInfo) -> Tensor:
    shape = tf.TensorShape(info.tensor_shape)
    return Tensor(
        name, tf.dtypes.as_dtype(info.dtype).name, tuple(shape) if shape.rank is not None else ()
    )
