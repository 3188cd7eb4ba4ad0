"""The tests. A package, so that one of this name that a library installs is not taken for it."""
