"""Which version is served: what the server would say to a version, the release checks, promote and
roll back.

Reading order: `__main__`, `examine` (needs TensorFlow), `listing`; what they decide on and record
is in `digits` (`release_checks`, `promotion`, `ledger`).
"""
