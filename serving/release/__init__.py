"""Which version is served, and whether it deserves it: what the server would say to a version, the
gate, promote and roll back.

Reading order: `__main__`, `examine` (needs TensorFlow), `listing`; what they decide on and write
down is in `digits` (`gate`, `promotion`, `ledger`).
"""
