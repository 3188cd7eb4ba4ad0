"""The notebook's training as one writes it in Keras, kept as the baseline that
`benchmarks.training_speed` measures ours against.

Plain layers, one-hot labels, float pixels, `model.fit`: nothing of this project's training is in
it.
"""

import keras
import numpy as np
import numpy.typing as npt

BATCH: int = 128


def conv3() -> keras.Model:
    """The notebook's network of three blocks, compiled."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.Conv2D(64, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(2, padding="same"),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.Conv2D(64, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(3, padding="same"),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.Conv2D(64, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(4, padding="same"),
            layers.Dropout(0.5),
            layers.Flatten(),
            layers.Dense(256, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(128, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    return model


def prepare(
    images: npt.NDArray[np.uint8], labels: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.floating]]:
    """Images uint8 [n, 28, 28] as float32 [n, 28, 28, 1] in 0..1, labels uint8 [n] as one-hot [n,
    10]."""
    return images[..., np.newaxis].astype("float32") / 255, keras.utils.to_categorical(labels, 10)
