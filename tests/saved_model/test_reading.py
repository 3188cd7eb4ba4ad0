"""What is read of a SavedModel's files without running it."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf.message import DecodeError

from digits import contract
from digits.errors import VersionError
from saved_model.graph import GRAPH_FILE, find_graph, read_signatures
from saved_model.warmup import read_warmup


class Half(tf.Module):  # type: ignore[misc]  # TensorFlow ships no types
    """One signature, and the initialiser that every SavedModel has."""

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, name="x")])  # type: ignore[untyped-decorator]
    def serve(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"y": x / 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("half")
    half = Half()
    tf.saved_model.save(half, str(place), signatures={"serving_default": half.serve})
    return place


def test_signatures_are_those_that_can_be_called_with_free_axes(folder: Path) -> None:
    axes = (None, 2)
    assert read_signatures(folder) == {
        "serving_default": contract.Signature(
            "serving_default",
            (contract.Tensor("x", "float32", axes),),
            (contract.Tensor("y", "float32", axes),),
        )
    }


def test_graph_is_found_by_exactly_its_tags(folder: Path) -> None:
    assert find_graph(folder) is not None
    assert find_graph(folder, frozenset({"serve", "gpu"})) is None


@pytest.mark.parametrize(
    ("content", "said"), [(None, "No such file"), (b"\xff" * 40, "Can't parse saved_model.pb")]
)
def test_graph_that_cannot_be_read_is_refused(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / GRAPH_FILE).write_bytes(content)
    with pytest.raises(VersionError, match=said):
        read_signatures(tmp_path)


def test_signatures_of_a_model_without_a_graph_to_serve_are_refused(tmp_path: Path) -> None:
    (tmp_path / GRAPH_FILE).write_bytes(b"")
    with pytest.raises(VersionError, match="expected a graph tagged 'serve'"):
        read_signatures(tmp_path)


def test_warm_up_of_a_model_without_requests_is_empty(folder: Path) -> None:
    assert list(read_warmup(folder)) == []


def test_warm_up_record_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / contract.WARMUP_FILE
    path.parent.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(np.random.default_rng(1).bytes(50))
    with pytest.raises(DecodeError):
        list(read_warmup(tmp_path))
