"""The contract every program shares: names, shapes, labels, settings, model store. No
TensorFlow."""
