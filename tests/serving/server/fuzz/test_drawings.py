"""Anything at all as a drawing: an image or a problem, never an error, inside the graph that is
served."""

import io

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from PIL import ExifTags, Image, ImageDraw

from digits.contract import Problem
from tests.serving.server.fuzz.mutants import mutants
from trainer.preprocessing.drawing import normalise

TOKENS = (
    *(
        b"IHDR",
        b"IDAT",
        b"IEND",
        b"PLTE",
        b"tRNS",
        b"eXIf",
        b"Exif\x00\x00II*\x00",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8",
        b"\xff\xc0",
        b"\xff\xc4",
        b"\xff\xda",
        b"\xff\xd9",
    ),
    *(b"\x00\x00\x00\x00", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x00\x00\x10\x00"),
)


def pictures() -> list[bytes]:
    """A drawn stroke in each kind of file that is read."""
    made = []
    for kind, mode in (
        ("PNG", "L"),
        ("PNG", "RGBA"),
        ("PNG", "P"),
        ("PNG", "1"),
        ("JPEG", "L"),
        ("JPEG", "RGB"),
    ):
        canvas = Image.new("L", (40, 30), "white")
        ImageDraw.Draw(canvas).line([(8, 5), (30, 25)], fill="black", width=3)
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = 6
        file = io.BytesIO()
        canvas.convert(mode).save(file, kind, exif=exif)
        made.append(file.getvalue())
    return made


@pytest.fixture(scope="module")
def read() -> object:
    """The graph, traced once."""
    return tf.function(normalise, input_signature=[tf.TensorSpec([None], tf.string)])


@settings(deadline=None)
@given(content=mutants(pictures(), TOKENS))
def test_any_bytes_are_an_image_or_a_problem_and_their_neighbour_is_read(
    read: tf.types.experimental.GenericFunction, content: bytes
) -> None:
    images, problems = (tensor.numpy() for tensor in read(tf.constant([content, pictures()[0]])))
    assert problems[1] == Problem.NONE
    assert problems[0] in set(Problem)
    assert bool(images[0].any()) == (problems[0] == Problem.NONE)
    assert np.array_equal(images[1], read(tf.constant([pictures()[0]]))[0].numpy()[0])
