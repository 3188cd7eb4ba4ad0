"""Split the training images into those that train and those that decide."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import train_test_split

from trainer.data.arrays import Classes, Images
from trainer.data.dataset import DataSet
from trainer.errors import DataError

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """Images uint8 [n, 28, 28] and classes uint8 [n]; `validation` decides, the test set never
    does.

    `added` is how many of the training images, the last ones, are not of the data set itself.
    """

    x_train: Images
    y_train: Classes
    x_validation: Images
    y_validation: Classes
    added: int = 0

    def add(self, images: Images, classes: Classes) -> "Split":
        """Put more training images behind those there are; the validation images stay."""
        return replace(
            self,
            x_train=np.concatenate([self.x_train, images]),
            y_train=np.concatenate([self.y_train, classes]),
            added=self.added + len(classes),
        )

    def own(self) -> "Split":
        """The same without what was added."""
        count = len(self.y_train) - self.added
        return replace(self, x_train=self.x_train[:count], y_train=self.y_train[:count], added=0)


def split(data: DataSet, validation_size: int, seed: int) -> Split:
    """Put `validation_size` training images aside, each class in its share, the same ones for the
    same seed.

    Raises:
        DataError: the set is too small for that.
    """
    train, validation = choose(data.y_train, validation_size, seed)
    return Split(
        data.x_train[train], data.y_train[train], data.x_train[validation], data.y_train[validation]
    )


def choose(classes: Classes, validation_size: int, seed: int) -> tuple[Positions, Positions]:
    """Positions of the images that train and of those that decide, int64, rising.

    Raises:
        DataError: the set is too small for that.
    """
    everything = np.arange(len(classes))
    try:
        train, validation = train_test_split(
            everything, test_size=validation_size, random_state=seed, stratify=classes
        )
    except ValueError as error:
        raise DataError(
            f"expected more training images than {validation_size} for validation, several of each "
            f"class; received {len(everything)}; lower --validation_size"
        ) from error
    return np.sort(train), np.sort(validation)
