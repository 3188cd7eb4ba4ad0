"""Real handwritten digits that need no download: scikit-learn's 1,797 images of 8x8, enlarged to
28x28."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from sklearn.datasets import load_digits

TEST_IMAGES = 297


def toy_arrays() -> dict[str, npt.NDArray[np.uint8]]:
    """The four arrays of a data set: 1,500 training and 297 test images, uint8 [n, 28, 28], and
    their classes."""
    found = load_digits()
    small = (found.images * (255 / 16)).astype(np.uint8)
    images = np.stack(
        [
            np.asarray(Image.fromarray(image).resize((28, 28), Image.Resampling.BICUBIC))
            for image in small
        ]
    )
    classes = found.target.astype(np.uint8)
    return {
        "x_train": images[TEST_IMAGES:],
        "y_train": classes[TEST_IMAGES:],
        "x_test": images[:TEST_IMAGES],
        "y_test": classes[:TEST_IMAGES],
    }


def write_toy_file(path: Path) -> Path:
    """Write the toy data set in Keras' layout."""
    np.savez_compressed(path, **toy_arrays())  # type: ignore[arg-type]
    return path
