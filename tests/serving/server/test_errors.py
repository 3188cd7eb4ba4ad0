"""What leaves the server when something goes wrong, and what does not."""

import logging

import pytest

from serving.server.errors import Code, KernelError, NotFoundError, as_answer, plain

LONG_FORM = (
    "Graph execution error:\n\nDetected at node map/while/DecodePng defined at (most recent call "
    "last):\n{trace}"
    "Unknown image file format. One of JPEG, PNG required.\n\t [[{{{{node "
    "map/while/DecodePng}}}}]] [Op:__inference_signature_wrapper_188]"
)
MESSAGES = {
    "without_trace": (
        LONG_FORM.format(trace="<stack traces unavailable>\n"),
        "Unknown image file format. One of JPEG, PNG required.",
    ),
    "with_trace": (
        LONG_FORM.format(trace='  File "/home/x/y.py", line 4, in f\n\n'),
        "Unknown image file format. One of JPEG, PNG required.",
    ),
    "short": ("Incompatible shapes: [3] vs. [2] [Op:Mul]", "Incompatible shapes: [3] vs. [2]"),
    "names_a_node": (
        "Shape of tensor a/b/c [2] is not compatible",
        "Shape of tensor … [2] is not compatible",
    ),
    "names_a_file": ("/models/digits/1/variables; No such file", "… No such file"),
    "nothing": ("", "The model could not compute this."),
}


@pytest.mark.parametrize(("message", "text"), MESSAGES.values(), ids=MESSAGES)
def test_plain_keeps_the_sentence_and_drops_the_rest(message: str, text: str) -> None:
    assert plain(message) == text


def test_our_own_answers_pass_as_they_are() -> None:
    error = NotFoundError("no")
    assert as_answer(error) is error
    assert as_answer(KernelError(3, "bad")).code == Code.INVALID_ARGUMENT


def test_unexpected_fault_is_internal_with_an_id_that_the_log_explains(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        answer = as_answer(RuntimeError("secret path /home/x"))
    assert answer.code == Code.INTERNAL
    assert "secret" not in answer.text
    ticket = answer.text.split()[2].rstrip(";")
    assert ticket in caplog.text
    assert "secret path" in caplog.text
