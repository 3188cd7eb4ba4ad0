"""Choose the processor or the GPU, and make a run repeatable, before anything else touches TensorFlow."""

import keras
import tensorflow as tf

from trainer.errors import DeviceError


def choose_device(device: str, seed: int, *, deterministic: bool) -> list[str]:
    """Set TensorFlow up for "auto", "cpu" or "gpu", and seed every generator.

    Returns:
        The name of each GPU that will be used; none on the processor.

    Raises:
        DeviceError: "gpu" was asked for and TensorFlow lists none.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if device == "gpu" and not gpus:
        raise DeviceError(
            "expected a GPU; received none from TensorFlow; install the NVIDIA driver and container toolkit, or use --device auto or cpu"
        )
    if device == "cpu":
        gpus = []
        tf.config.set_visible_devices([], "GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)  # else TensorFlow takes the whole card at once
    keras.utils.set_random_seed(seed)
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    return [tf.config.experimental.get_device_details(gpu).get("device_name", "GPU") for gpu in gpus]
