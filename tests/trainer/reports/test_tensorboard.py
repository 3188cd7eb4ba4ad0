"""What TensorBoard is given after the training, read back with TensorFlow's own reader."""

from pathlib import Path

import pytest
import tensorflow as tf

from tests.support.trainer_runs import IMAGES, made_up_run
from trainer.errors import OutputError
from trainer.evaluation.freehand_score import FreehandScore
from trainer.reports import report
from trainer.reports.tensorboard import LOGS, show


def logged(folder: Path) -> dict[str, tuple[int, tf.Tensor]]:
    """Step and value by tag."""
    (file,) = folder.iterdir()
    records = tf.data.TFRecordDataset([str(file)]).as_numpy_iterator()
    events = [tf.compat.v1.Event.FromString(record) for record in records]
    return {
        value.tag: (event.step, tf.make_ndarray(value.tensor))
        for event in events
        for value in event.summary.value
    }


def test_show_logs_scalars_and_pictures_at_the_last_epoch_and_again_in_their_place(
    tmp_path: Path,
) -> None:
    run = made_up_run(epochs=3)
    drawn = FreehandScore(family=1, accuracy=0.9, images=10, factors={}, mistakes=())
    network = run.networks[0].model_copy(update={"freehand": drawn})
    report.write(run, tmp_path, IMAGES)
    show(network, tmp_path)
    show(network, tmp_path)
    found = logged(tmp_path / "conv3" / LOGS)
    assert {step for step, _ in found.values()} == {3}
    confidence = network.confidence
    for tag, expected in (
        ("temperature", confidence.temperature),
        ("validation/calibrated_nll", confidence.validation.calibrated.nll),
        ("test/ece", confidence.test.as_trained.ece),
        ("freehand/accuracy", 0.9),
        ("test/recall/0", network.test.classes[0].recall),
        ("test/precision/9", network.test.classes[9].precision),
    ):
        assert float(found[tag][1]) == pytest.approx(expected, rel=1e-6), tag
    for tag in (
        "confusion-conv3",
        "reliability-conv3",
        "mistakes-conv3-validation",
        "mistakes-conv3-test",
    ):
        _, (width, height, png) = found[tag]
        picture = (tmp_path / "plots" / f"{tag}.png").read_bytes()
        assert tuple(tf.io.decode_png(png).shape) == (int(height), int(width), 3)
        assert (tf.io.decode_png(png) == tf.io.decode_png(picture, channels=3)).numpy().all()


def test_show_where_a_file_is_in_the_way_is_an_output_error(tmp_path: Path) -> None:
    report.write(made_up_run(test_size=200), tmp_path, IMAGES)
    (tmp_path / "conv3").write_text("in the way")
    with pytest.raises(OutputError, match="run folder that can be written"):
        show(made_up_run(test_size=200).networks[0], tmp_path)
