"""The embedded server: the TensorFlow Serving API over TensorFlow's own SavedModel loader.

Reading order: `__main__`, `lifecycle`, `predict` (the core both doors share), `grpc_door`,
`rest_door`, then `models` and `watcher` for versions that come and go.
"""
