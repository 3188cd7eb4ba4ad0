"""The page: draw a digit, see the model's answer live. No TensorFlow."""
