"""Convolutions without the kernel taps that only ever meet padding: exact, and measured by
`benchmarks.training_speed`; no recipe uses it.

On a map of s pixels a tap more than s - 1 away from a `same` kernel's middle meets padding at every
pixel: of a 5x5 kernel on a 1x1 map one tap of 25 counts. Without the others, outputs and gradients
are the same. oneDNN leaves them out by itself, so that nothing is gained on a processor:
docs/decisions/0015-serving-arithmetic.md.
"""

import keras


class CroppedConv2D(keras.layers.Conv2D):  # type: ignore[misc]  # Keras has no types
    """A `same` convolution of stride 1 whose weights have their full shape, but which multiplies
    only with the taps that count."""

    def convolution_op(
        self, inputs: keras.KerasTensor, kernel: keras.KerasTensor
    ) -> keras.KerasTensor:
        """Convolve `inputs`, [n, rows, columns, channels], with the part of `kernel`, [rows,
        columns, in, out], that meets them."""
        rows, columns = (
            reach(side, size)
            for side, size in zip(kernel.shape[:2], inputs.shape[1:3], strict=True)
        )
        return super().convolution_op(inputs, kernel[rows, columns])


def reach(side: int, size: int) -> slice:
    """The taps of a `same` kernel of `side` taps that meet some pixel of a map of `size` pixels,
    along one axis.

    Padding before and after the map differ by at most one tap and are cut to the same length, so
    `same` pads the rest as before.
    """
    before = (side - 1) // 2
    return slice(max(0, before - (size - 1)), min(side, before + size))


def cropped(model: keras.Model) -> keras.Model:
    """The same network, with the same weights, in cropped convolutions."""

    def copy(layer: keras.layers.Layer) -> keras.layers.Layer:
        kind = CroppedConv2D if isinstance(layer, keras.layers.Conv2D) else type(layer)
        return kind.from_config(layer.get_config())

    made = keras.models.clone_model(model, clone_function=copy)
    made.set_weights(model.get_weights())
    return made
