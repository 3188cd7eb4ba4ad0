"""The short way through a loaded function answers what TensorFlow's own call answers."""

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from serving.server.errors import KernelError
from serving.server.models.dtypes import BY_NUMBER
from serving.server.models.loading import Loading, load_version
from serving.server.models.version import LoadedVersion
from tests.support.server_fixtures import Array, Export

VALUES: dict[str, Array] = {
    "bfloat16": np.array([1.5, -1], tf.bfloat16.as_numpy_dtype),
    "bool": np.array([True, False]),
    "complex64": np.array([1 + 2j, 0], np.complex64),
    "complex128": np.array([1 - 2j, 0], np.complex128),
    "double": np.array([0.1, -0.0]),
    "float": np.array([np.nan, np.inf], np.float32),
    "half": np.array([0.5, 6e4], np.float16),
    "int8": np.array([-128, 127], np.int8),
    "int16": np.array([-300, 1], np.int16),
    "int32": np.array([-5, 7], np.int32),
    "int64": np.array([2**62, -1], np.int64),
    "string": np.array([b"", b"\xff\x00"], object),
    "uint8": np.array([0, 255], np.uint8),
    "uint16": np.array([65535, 0], np.uint16),
    "uint32": np.array([2**32 - 1, 0], np.uint32),
    "uint64": np.array([2**64 - 1, 0], np.uint64),
}


class Mirror(tf.Module):  # type: ignore[misc] # TensorFlow has no types
    """Gives back what it gets, one tensor of every type."""

    def __init__(self) -> None:
        super().__init__()
        self.offset = tf.Variable(2.0)

    @tf.function(  # type: ignore[untyped-decorator]
        input_signature=[
            {
                name: tf.TensorSpec(None, tf.string if name == "string" else array.dtype, name)
                for name, array in VALUES.items()
            }
        ]
    )
    def mirror(self, tensors: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return {f"{name}_out": tf.identity(tensor) for name, tensor in tensors.items()}

    @tf.function(  # type: ignore[untyped-decorator]
        input_signature=[tf.TensorSpec(None, name="z"), tf.TensorSpec(None, name="a")]
    )
    def minus(self, z: tf.Tensor, a: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"z_less_a": z - a, "a_more": a + self.offset}


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> LoadedVersion:
    folder, mirror = tmp_path_factory.mktemp("mirror") / "1", Mirror()
    tf.saved_model.save(
        mirror, str(folder), signatures={"mirror": mirror.mirror, "minus": mirror.minus}
    )
    return load(folder)


def load(folder: Path, number: int = 1) -> LoadedVersion:
    how = Loading(require_manifest=False)
    return load_version("m", number, folder, how=how, warm_up=lambda *_: None)


def run(version: LoadedVersion, name: str, **inputs: Array) -> dict[str, Any]:
    signature = version.signatures[name]
    return version.run(signature, inputs, signature.outputs)


def test_every_type_comes_back_bit_for_bit(version: LoadedVersion) -> None:
    assert set(VALUES) == {dtype.name for dtype in BY_NUMBER.values()}
    answer = run(version, "mirror", **VALUES)
    for name, array in VALUES.items():
        got = answer[f"{name}_out"]
        assert got.dtype == array.dtype
        assert got.tolist() == array.tolist() if name == "string" else bits(got) == bits(array)


def bits(array: Array) -> bytes:
    return array.tobytes()


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (2, 1)])
def test_every_shape_comes_back(version: LoadedVersion, shape: tuple[int, ...]) -> None:
    inputs = {name: np.full(shape, array[0], array.dtype) for name, array in VALUES.items()}
    answer = run(version, "mirror", **inputs)
    assert {array.shape for array in answer.values()} == {shape}
    assert answer["string_out"].dtype == object


def test_inputs_are_matched_by_name(version: LoadedVersion) -> None:
    answer = run(version, "minus", a=np.ones(1, np.float32), z=np.full(1, 10, np.float32))
    assert answer == {"a_more": [3], "z_less_a": [9]}


def test_kernel_failure_is_one_plain_line(export: Export) -> None:
    with pytest.raises(KernelError) as error:
        run(load(export(3)), "positive", x=np.full(1, -1, np.float32))
    assert "every x must be above zero" in error.value.text
    assert "\n" not in error.value.text
    assert "{{" not in error.value.text


def test_answers_of_many_threads_equal_those_of_tensorflows_own_call(export: Export) -> None:
    version = load(export(3))
    loaded: Any = version.saved_model
    images = np.random.default_rng(0).integers(0, 256, (32, 28, 28), np.uint8)
    explain = loaded.signatures["explain"]
    wanted = [explain(images=tf.constant(images[i : i + 1])) for i in range(32)]
    with ThreadPoolExecutor(8) as threads:
        got = list(
            threads.map(lambda i: run(version, "explain", images=images[i : i + 1]), range(32))
        )
    for ours, theirs in zip(got, wanted, strict=True):
        assert {name: bits(array) for name, array in ours.items()} == {
            name: bits(tensor.numpy()) for name, tensor in theirs.items()
        }


def test_unloaded_version_leaves_memory(export: Export) -> None:
    version = load(export(3))
    run(version, "serving_default", images=np.zeros((1, 28, 28), np.uint8))
    loaded: Any = version.saved_model
    gone = weakref.ref(loaded.bias)
    del version, loaded
    gc.collect()
    assert gone() is None
