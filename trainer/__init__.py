"""Trains the three networks, proves which is best, exports and publishes it."""
