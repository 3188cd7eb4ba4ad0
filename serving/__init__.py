"""Serving: a client without TensorFlow, an embedded server, and configuration for TensorFlow
Serving."""
