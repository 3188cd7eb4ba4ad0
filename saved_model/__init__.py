"""Read a SavedModel's files without running it: its signatures and its warm-up requests.

Trainer, embedded server and release commands all read exported models; none of them may import the
others, and `digits` knows no TensorFlow. So the reading is here, once.
"""
