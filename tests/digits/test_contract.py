import numpy as np

from digits.contract import FEATURE_MAPS, LABELS, Problem, scale, signatures


def test_signatures_batch_axis_is_free_everywhere() -> None:
    for signature in signatures().values():
        assert all(
            tensor.shape[0] is None
            for tensor in (*signature.inputs, *signature.outputs, *signature.optional)
        )


def test_signatures_other_number_of_classes_changes_only_the_class_axis() -> None:
    ten, three = signatures(), signatures(3)
    assert ten["serving_default"].inputs == three["serving_default"].inputs
    assert three["serving_default"].outputs[0].shape == (None, 3)
    assert ten["serving_default"].outputs[0].shape == (None, len(LABELS))


def test_signatures_complete_promise_what_is_optional_too() -> None:
    plain, complete = signatures()["drawings"], signatures(complete=True)["drawings"]
    assert [tensor.name for tensor in plain.optional] == ["ood_score"]
    assert complete.outputs == (*plain.outputs, *plain.optional) and not complete.optional
    more = {name: one.outputs for name, one in signatures(complete=True).items()}
    assert {name: more[name] for name in signatures() if name != "drawings"} == {
        name: one.outputs for name, one in signatures().items() if name != "drawings"
    }
    assert more.keys() - signatures().keys() == {FEATURE_MAPS}
    assert [tensor.shape for tensor in more[FEATURE_MAPS]] == [(None, 3, 12, 28, 28)]


def test_scale_full_ink_is_one_and_paper_is_nought() -> None:
    assert (
        scale(np.array([0, 51, 255], np.float32)).tolist()
        == np.array([0, 0.2, 1], np.float32).tolist()
    )


def test_problem_every_code_has_a_sentence() -> None:
    assert all(problem.sentence.endswith(".") for problem in Problem)
