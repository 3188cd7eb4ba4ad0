"""Export: every signature answers as promised, and `check` notices when one does not."""

import contextlib
import io
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from PIL import Image, ImageDraw
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import prediction_log_pb2

from digits.contract import (
    FEATURE_MAPS,
    LABELS,
    MODEL_NAME,
    TOLERANCES,
    WARMUP_FILE,
    Problem,
    scale,
    signatures,
)
from trainer.errors import ExportError
from trainer.evaluation.temperature import calibrate
from trainer.export import reject
from trainer.export.check import check
from trainer.export.ood import Detector, scorer
from trainer.export.saved_model import export
from trainer.networks.architecture import build
from trainer.networks.inference import as_input, predict
from trainer.networks.trained import TrainedNetwork
from trainer.training.ensemble import ensemble

HOT = 2.5
SHAPES = ("circle", "square", "a third")
Images = npt.NDArray[np.uint8]
Answers = dict[str, npt.NDArray[Any]]
Ask = Callable[..., Answers]


def _with_statistics(model: keras.Model) -> keras.Model:
    """A fresh network answers nearly the same to everything; other weights make it tell images
    apart."""
    generator = np.random.default_rng(3)
    for weight in model.weights:
        weight.assign(weight + 0.05 * generator.standard_normal(weight.shape))
    return model


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return _with_statistics(build("conv3", seed=1))


@pytest.fixture(scope="module")
def exported(model: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, printed = tmp_path_factory.mktemp("exported"), io.StringIO()
    with contextlib.redirect_stdout(printed):
        export(model, LABELS, folder)
    assert printed.getvalue() == ""
    return folder


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> tuple[keras.Model, Path]:
    """A small network for three labels that is always quite sure, and its export."""
    dense = keras.layers.Dense(3, activation="softmax")
    network = keras.Sequential(
        [keras.Input((28, 28, 1), name="image"), keras.layers.Flatten(), dense]
    )
    dense.kernel.assign(np.random.default_rng(1).normal(0, 100, (784, 3)))
    folder = tmp_path_factory.mktemp("shapes")
    export(network, SHAPES, folder)
    return network, folder


@pytest.fixture(scope="module")
def hot(tmp_path_factory: pytest.TempPathFactory) -> tuple[keras.Model, Path]:
    """A small network for ten labels that is rather unsure, and its export at temperature 2.5."""
    dense = keras.layers.Dense(10, activation="softmax")
    network = keras.Sequential(
        [keras.Input((28, 28, 1), name="image"), keras.layers.Flatten(), dense]
    )
    dense.kernel.assign(np.random.default_rng(2).normal(0, 0.5, (784, 10)))
    folder = tmp_path_factory.mktemp("hot")
    export(network, LABELS, folder, HOT)
    return network, folder


@pytest.fixture(scope="module")
def doubting(tmp_path_factory: pytest.TempPathFactory) -> tuple[keras.Model, Path, Detector]:
    """A network, and its export with a made-up score: of how sure the network is, and the small
    network beside it."""
    network = _with_statistics(build("conv3", seed=4))
    weights = np.zeros(3, np.float32)
    weights[-2:] = -1, 0.5
    detector = Detector(reject.build(), weights, 0.1)
    folder = tmp_path_factory.mktemp("doubting")
    export(network, LABELS, folder, detector=detector)
    return network, folder, detector


@pytest.fixture(scope="module")
def ask(exported: Path) -> Ask:
    loaded = tf.saved_model.load(str(exported)).signatures

    def asked(signature: str, value: object) -> Answers:
        (tensor,) = signatures()[signature].inputs
        answers = loaded[signature](**{tensor.name: tf.constant(value, tensor.dtype)})
        return {name: answer.numpy() for name, answer in answers.items()}

    return asked


@pytest.fixture
def copy(exported: Path, tmp_path: Path) -> Path:
    return shutil.copytree(exported, tmp_path / "copy")


@pytest.fixture(scope="module")
def images() -> Images:
    pictures = [
        Image.open(io.BytesIO(_drawing(number))).convert("L").resize((28, 28))
        for number in range(7)
    ]
    return np.stack([255 - np.asarray(picture, np.uint8) for picture in pictures])


def _drawing(number: int, size: int = 280) -> bytes:
    picture = Image.new("RGB", (size, size), "white")
    unit = size / 280
    points = [(70 + 20 * number, 40), (200 - 15 * number, 120), (90, 240)]
    ImageDraw.Draw(picture).line(
        [(x * unit, y * unit) for x, y in points], fill="black", width=round((10 + number) * unit)
    )
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def _blank() -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (50, 50), 255).save(buffer, "PNG")
    return buffer.getvalue()


def _example(**features: bytes) -> bytes:
    lists = {
        name.replace("__", "/"): tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        for name, value in features.items()
    }
    serialized: bytes = tf.train.Example(
        features=tf.train.Features(feature=lists)
    ).SerializeToString()
    return serialized


def _assert_alone_as_together(ask: Ask, signature: str, values: Any) -> None:
    together = ask(signature, values)
    for position in range(len(values)):
        for name, alone in ask(signature, values[position : position + 1]).items():
            if alone.dtype.kind == "f":
                np.testing.assert_allclose(together[name][position], alone[0], atol=1e-5)
            else:
                np.testing.assert_array_equal(together[name][position], alone[0])


def test_check_fresh_export_passes(model: keras.Model, exported: Path) -> None:
    check(model, exported)


def test_export_metadata_is_the_contract(exported: Path) -> None:
    saved = saved_model_pb2.SavedModel.FromString((exported / "saved_model.pb").read_bytes())
    definitions = {
        name: d
        for name, d in saved.meta_graphs[0].signature_def.items()
        if name != "__saved_model_init_op"
    }
    promised = signatures() | {FEATURE_MAPS: signatures(complete=True)[FEATURE_MAPS]}
    assert definitions.keys() == promised.keys()
    for name, signature in promised.items():
        assert definitions[name].method_name == "tensorflow/serving/predict"
        for tensors, infos in (
            (signature.inputs, definitions[name].inputs),
            (signature.outputs, definitions[name].outputs),
        ):
            expected = {
                t.name: (t.dtype, [-1 if side is None else side for side in t.shape])
                for t in tensors
            }
            found = {
                key: (tf.dtypes.as_dtype(i.dtype).name, [d.size for d in i.tensor_shape.dim])
                for key, i in infos.items()
            }
            assert found == expected


def test_export_with_a_detector_adds_the_optional_output(
    doubting: tuple[keras.Model, Path, Detector],
) -> None:
    model, folder, detector = doubting
    check(model, folder, detector=detector)
    saved = (
        saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
        .meta_graphs[0]
        .signature_def
    )
    assert set(saved["drawings"].outputs) == {
        "probabilities",
        "digit",
        "images",
        "problem",
        "ood_score",
    }
    assert set(saved["serving_default"].outputs) == {"probabilities", "digit"}


def test_drawings_score_is_that_of_the_image_seen_and_one_where_nothing_was_read(
    doubting: tuple[keras.Model, Path, Detector],
) -> None:
    model, folder, detector = doubting
    pictures = [_drawing(1), b"garbage", _drawing(5)]
    answers = tf.saved_model.load(str(folder)).signatures["drawings"](png=tf.constant(pictures))
    scores = answers["ood_score"].numpy()
    expected = scorer(model, detector)(as_input(answers["images"])).numpy()
    np.testing.assert_allclose(scores[[0, 2]], expected[[0, 2]], atol=1e-5)
    assert scores[1] == 1 and scores[0] != scores[2] and scores[0] != 1


def test_check_other_detector_is_noticed(doubting: tuple[keras.Model, Path, Detector]) -> None:
    model, folder, detector = doubting
    with pytest.raises(ExportError, match="expected the fitted score within"):
        check(model, folder, detector=replace(detector, bias=detector.bias + 0.01))


def test_check_score_that_was_not_asked_for_is_noticed(
    doubting: tuple[keras.Model, Path, Detector],
) -> None:
    with pytest.raises(ExportError, match="expected the outputs of 'drawings'"):
        check(doubting[0], doubting[1])


def test_export_weights_are_stored_once(model: keras.Model, exported: Path) -> None:
    size = sum(path.stat().st_size for path in exported.rglob("variables.data*"))
    assert size < 1.01 * 4 * model.count_params()
    assert (exported / "saved_model.pb").stat().st_size < 1_000_000


def test_export_other_labels_travel(shapes: tuple[keras.Model, Path]) -> None:
    check(*shapes)
    answers = tf.saved_model.load(str(shapes[1])).signatures["classify"](
        inputs=tf.constant([_example(image__encoded=_drawing(1))])
    )
    assert answers["classes"].numpy().tolist() == [[label.encode() for label in SHAPES]]


def test_check_other_number_of_labels_is_noticed(
    hot: tuple[keras.Model, Path], shapes: tuple[keras.Model, Path]
) -> None:
    with pytest.raises(ExportError, match="expected the outputs of 'serving_default'"):
        check(hot[0], shapes[1])


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_predict_answers_as_the_network(
    model: keras.Model, ask: Ask, images: Images, batch: int
) -> None:
    answers = ask("serving_default", images[:batch])
    expected = model(
        scale(images[:batch, ..., np.newaxis].astype(np.float32)), training=False
    ).numpy()
    np.testing.assert_allclose(answers["probabilities"], expected, atol=1e-5)
    np.testing.assert_array_equal(answers["digit"], expected.argmax(-1))


def test_predict_batch_of_nothing_answers_nothing(ask: Ask) -> None:
    answers = ask("serving_default", np.zeros((0, 28, 28), np.uint8))
    assert answers["probabilities"].shape == (0, 10)
    assert answers["digit"].shape == (0,)


def test_predict_other_shape_is_refused(ask: Ask) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="not compatible with expected shape"):
        ask("serving_default", np.zeros((1, 27, 28), np.uint8))


def test_predict_item_does_not_depend_on_its_batch(ask: Ask, images: Images) -> None:
    _assert_alone_as_together(ask, "serving_default", images)


def test_drawings_show_what_the_network_saw(ask: Ask) -> None:
    answers = ask("drawings", [_drawing(1), _drawing(4)])
    assert answers["problem"].tolist() == [Problem.NONE, Problem.NONE]
    again = ask("serving_default", answers["images"])
    np.testing.assert_allclose(answers["probabilities"], again["probabilities"], atol=1e-6)


def test_drawings_bad_items_leave_their_neighbours_alone(ask: Ask) -> None:
    answers = ask("drawings", [_drawing(1), b"garbage", _drawing(2), b"", _drawing(3)])
    assert answers["problem"].tolist() == [
        Problem.NONE,
        Problem.NOT_AN_IMAGE,
        Problem.NONE,
        Problem.NOT_AN_IMAGE,
        Problem.NONE,
    ]
    for position in (0, 2, 4):
        alone = ask("drawings", [_drawing(1 + position // 2)])
        np.testing.assert_array_equal(answers["images"][position], alone["images"][0])
        np.testing.assert_allclose(
            answers["probabilities"][position], alone["probabilities"][0], atol=1e-6
        )
    np.testing.assert_allclose(answers["probabilities"].sum(-1), 1, atol=1e-5)


@pytest.mark.parametrize("exported_as", ["exported", "doubting"])
def test_drawings_with_a_problem_get_nothing_like_an_answer(
    exported_as: str, request: pytest.FixtureRequest
) -> None:
    found = request.getfixturevalue(exported_as)
    folder = found if isinstance(found, Path) else found[1]
    drawings = tf.saved_model.load(str(folder)).signatures["drawings"]
    answers = drawings(png=tf.constant([_drawing(1), b"garbage", _blank()]))
    assert answers["problem"].numpy().tolist()[1:] == [Problem.NOT_AN_IMAGE, Problem.BLANK]
    probabilities = answers["probabilities"].numpy()
    np.testing.assert_allclose(probabilities[1:], 1 / len(LABELS), rtol=1e-6)
    assert probabilities[0].max() > 1.01 / len(LABELS)
    assert answers["digit"].numpy().tolist()[1:] == [0, 0]
    assert not answers["images"].numpy()[1:].any()


def test_drawings_batch_of_nothing_answers_nothing(ask: Ask) -> None:
    assert {name: answer.shape[0] for name, answer in ask("drawings", []).items()} == dict.fromkeys(
        ("probabilities", "digit", "images", "problem"), 0
    )


def test_explain_saliency_fills_its_range_for_every_image(ask: Ask, images: Images) -> None:
    answers = ask("explain", images)
    np.testing.assert_allclose(answers["saliency"].max((1, 2)), 1, atol=1e-6)
    assert answers["saliency"].min() >= 0
    np.testing.assert_allclose(
        answers["probabilities"], ask("serving_default", images)["probabilities"], atol=1e-6
    )


def test_explain_item_does_not_depend_on_its_batch(ask: Ask, images: Images) -> None:
    _assert_alone_as_together(ask, "explain", images)


def test_explain_network_that_is_quite_sure_is_still_explained(
    shapes: tuple[keras.Model, Path], images: Images
) -> None:
    answers = tf.saved_model.load(str(shapes[1])).signatures["explain"](images=tf.constant(images))
    assert (answers["probabilities"].numpy().max(-1) == 1).any()
    np.testing.assert_allclose(answers["saliency"].numpy().max((1, 2)), 1, atol=1e-6)


def test_explain_ensemble_answers_and_explains_as_its_members_together(
    tmp_path: Path, images: Images
) -> None:
    classes = len(LABELS)
    parts = [
        TrainedNetwork(name, 1, build(name, classes, seed), [], np.zeros((1, classes), np.float32))
        for seed, name in ((1, "conv3"), (2, "conv5"))
    ]
    joined = ensemble(parts)
    export(joined.model, LABELS, tmp_path, HOT)
    check(joined.model, tmp_path, HOT)
    assert joined.model.count_params() == sum(part.model.count_params() for part in parts)
    loaded = tf.saved_model.load(str(tmp_path)).signatures
    powers = np.mean([predict(part.model, images[:3]) for part in parts], axis=0) ** (1 / HOT)
    for signature in ("serving_default", "explain"):
        answer = loaded[signature](images=tf.constant(images[:3]))
        assert np.allclose(
            answer["probabilities"], powers / powers.sum(axis=1, keepdims=True), rtol=0, atol=1e-5
        )
    assert np.all(np.max(answer["saliency"], axis=(1, 2)) == 1)


def test_classify_scores_are_the_probabilities_in_label_order(ask: Ask) -> None:
    answers = ask(
        "classify",
        [
            _example(image__encoded=_drawing(2)),
            _example(image__encoded=_drawing(5), other=b"ignored"),
        ],
    )
    assert answers["classes"].tolist() == [[label.encode() for label in LABELS]] * 2
    drawings = ask("drawings", [_drawing(2), _drawing(5)])
    np.testing.assert_allclose(answers["scores"], drawings["probabilities"], atol=1e-6)


def test_classify_bad_examples_score_nothing_and_leave_their_neighbours_alone(ask: Ask) -> None:
    good = _example(image__encoded=_drawing(2))
    bad = [b"no example", _example(other=_drawing(2)), _example(image__encoded=b"garbage"), b""]
    scores = ask("classify", [*bad, good])["scores"]
    assert not scores[:-1].any()
    np.testing.assert_allclose(scores[-1], ask("classify", [good])["scores"][0], atol=1e-6)


def test_warmup_calls_every_signature_by_the_models_name(exported: Path) -> None:
    records = tf.data.TFRecordDataset([str(exported / WARMUP_FILE)]).as_numpy_iterator()
    requests = [
        prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        for record in records
    ]
    assert {request.model_spec.name for request in requests} == {MODEL_NAME}
    assert {request.model_spec.signature_name for request in requests} == signatures().keys()
    batches = [
        tf.make_ndarray(request.inputs["images"]).shape[0]
        for request in requests
        if "images" in request.inputs
    ]
    assert max(batches) >= 32
    assert all(
        value.tensor_content
        for request in requests
        for name, value in request.inputs.items()
        if name == "images"
    )


def test_export_full_folder_is_refused(model: keras.Model, tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"older")
    with pytest.raises(ExportError, match="expected an empty folder"):
        export(model, LABELS, tmp_path)
    assert (tmp_path / "saved_model.pb").read_bytes() == b"older"


def test_export_float16_network_is_refused(tmp_path: Path) -> None:
    half = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax", dtype="float16"),
        ]
    )
    with pytest.raises(
        ExportError, match="computes in float32 or bfloat16; received one in float16"
    ):
        export(half, LABELS, tmp_path)
    assert not any(tmp_path.iterdir())


def test_export_bfloat16_network_answers_in_float32_nearly_as_the_exact_one(
    model: keras.Model, exported: Path, tmp_path: Path
) -> None:
    coarse = build("conv3", precision="bfloat16")
    coarse.set_weights(model.get_weights())
    detector = Detector(reject.build(), np.full(3, 0.001, np.float32), 0.0)
    export(coarse, LABELS, tmp_path, HOT, detector)
    check(coarse, tmp_path, HOT, detector)
    images = np.random.default_rng(1).integers(0, 256, (20, 28, 28), np.uint8)
    exact, loaded = tf.saved_model.load(str(exported)), tf.saved_model.load(str(tmp_path))
    answers, explained = (
        loaded.signatures[name](images=tf.constant(images))
        for name in ("serving_default", "explain")
    )
    assert {value.dtype for value in (*answers.values(), *explained.values())} == {
        tf.float32,
        tf.int64,
    }
    expected = calibrate(
        exact.signatures["serving_default"](images=tf.constant(images))["probabilities"], HOT
    ).numpy()
    difference = np.max(np.abs(answers["probabilities"].numpy() - expected))
    assert 0 < difference < TOLERANCES["bfloat16"]


def test_export_network_without_softmax_is_refused(tmp_path: Path) -> None:
    bare = keras.Sequential(
        [keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10, name="logits")]
    )
    with pytest.raises(ExportError, match="ends in 'logits'"):
        export(bare, LABELS, tmp_path)


def test_export_missing_label_is_refused(model: keras.Model, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="received 9 labels"):
        export(model, LABELS[:9], tmp_path)


def test_check_other_weights_are_noticed(exported: Path) -> None:
    with pytest.raises(ExportError, match="received a difference of"):
        check(_with_statistics(build("conv3", seed=2)), exported)


def test_check_one_changed_weight_is_noticed(exported: Path, model: keras.Model) -> None:
    other = keras.models.clone_model(model)
    other.set_weights(model.get_weights())
    other.layers[-1].bias.assign(other.layers[-1].bias + np.eye(10, dtype=np.float32)[3] * 0.01)
    with pytest.raises(ExportError, match="received a difference of"):
        check(other, exported)


def test_check_weights_that_are_no_numbers_are_noticed(exported: Path, model: keras.Model) -> None:
    other = keras.models.clone_model(model)
    other.set_weights([weight * np.nan for weight in model.get_weights()])
    with pytest.raises(ExportError, match="received a difference of nan"):
        check(other, exported)


def test_export_with_a_temperature_every_signature_answers_calibrated(
    hot: tuple[keras.Model, Path], images: Images
) -> None:
    network, folder = hot
    loaded = tf.saved_model.load(str(folder)).signatures

    def softened(seen: Images) -> npt.NDArray[np.float64]:
        trained = (
            network(scale(seen[..., np.newaxis].astype(np.float32)), training=False)
            .numpy()
            .astype(np.float64)
        )
        powers = trained ** (1 / HOT)
        assert np.abs(trained - powers / powers.sum(-1, keepdims=True)).max() > 0.1, (
            "a temperature forgotten would show"
        )
        return np.asarray(powers / powers.sum(-1, keepdims=True))

    for signature in ("serving_default", "explain"):
        answers = loaded[signature](images=tf.constant(images))
        np.testing.assert_allclose(answers["probabilities"].numpy(), softened(images), atol=1e-5)
        np.testing.assert_array_equal(answers["digit"].numpy(), softened(images).argmax(-1))
    drawn = [_drawing(number) for number in range(4)]
    drawings = loaded["drawings"](png=tf.constant(drawn))
    np.testing.assert_allclose(
        drawings["probabilities"].numpy(), softened(drawings["images"].numpy()), atol=1e-5
    )
    np.testing.assert_array_equal(
        drawings["digit"].numpy(), softened(drawings["images"].numpy()).argmax(-1)
    )
    classify = loaded["classify"](
        inputs=tf.constant([_example(image__encoded=png) for png in drawn])
    )
    np.testing.assert_allclose(
        classify["scores"].numpy(), softened(drawings["images"].numpy()), atol=1e-5
    )


def test_check_with_the_temperature_of_the_export_passes(hot: tuple[keras.Model, Path]) -> None:
    check(*hot, HOT)


@pytest.mark.parametrize("temperature", [1.0, 2.4])
def test_check_other_temperature_is_noticed(
    hot: tuple[keras.Model, Path], temperature: float
) -> None:
    with pytest.raises(
        ExportError, match=r"calibrated probabilities within.*received a difference of"
    ):
        check(*hot, temperature)


@pytest.mark.parametrize(
    "file",
    ["saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"],
)
def test_check_missing_file_is_noticed(model: keras.Model, copy: Path, file: str) -> None:
    (copy / file).unlink()
    with pytest.raises(ExportError, match="expected a SavedModel that loads"):
        check(model, copy)


def test_check_altered_shape_is_noticed(model: keras.Model, copy: Path) -> None:
    path = copy / "saved_model.pb"
    saved = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    saved.meta_graphs[0].signature_def["explain"].outputs["saliency"].tensor_shape.dim[1].size = 27
    path.write_bytes(saved.SerializeToString())
    with pytest.raises(ExportError, match="expected the outputs of 'explain'"):
        check(model, copy)


def test_check_missing_signature_is_noticed(model: keras.Model, copy: Path) -> None:
    path = copy / "saved_model.pb"
    saved = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    del saved.meta_graphs[0].signature_def["classify"]
    path.write_bytes(saved.SerializeToString())
    with pytest.raises(ExportError, match="expected the signatures"):
        check(model, copy)


def _flip(content: bytes) -> bytes:
    return content.replace(b"drawings", b"drawingz")


def _cut(content: bytes) -> bytes:
    return content[:-5]


def _empty(_content: bytes) -> bytes:
    return b""


@pytest.mark.parametrize("damage", [_flip, _cut, _empty])
def test_check_damaged_warmup_is_noticed(
    model: keras.Model, copy: Path, damage: Callable[[bytes], bytes]
) -> None:
    path = copy / WARMUP_FILE
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ExportError, match="expected a warm-up file"):
        check(model, copy)


def test_check_warmup_that_the_model_refuses_is_noticed(model: keras.Model, copy: Path) -> None:
    path = copy / WARMUP_FILE
    record = next(iter(tf.data.TFRecordDataset([str(path)]).as_numpy_iterator()))
    log = prediction_log_pb2.PredictionLog.FromString(record)
    log.predict_log.request.inputs["images"].CopyFrom(
        tf.make_tensor_proto(np.zeros((1, 27, 28), np.uint8))
    )
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(log.SerializeToString())
    with pytest.raises(ExportError, match="expected every warm-up request to be answered"):
        check(model, copy)


def test_check_missing_warmup_is_noticed(model: keras.Model, copy: Path) -> None:
    (copy / WARMUP_FILE).unlink()
    with pytest.raises(ExportError, match="expected a warm-up file"):
        check(model, copy)
