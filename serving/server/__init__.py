"""The embedded server: the TensorFlow Serving API over TensorFlow's own SavedModel loader.

Reading order: `__main__`, `lifecycle`, `predict` (the core both protocols share), `grpc_double`,
`rest_double`, then `models` and `watcher` for versions that come and go.
"""
