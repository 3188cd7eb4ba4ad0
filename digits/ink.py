"""What counts as ink: shared by the graph (`drawings`) and the client (`read_number`)."""

from typing import Final

FAINTEST: Final = 24.0
"""Contrast to the paper (of 255) below which nothing is ink; JPEG and camera noise stay under
it."""
STRONG: Final = (0.25, 0.5)
"""Ink is at least this share of the strongest contrast: on clean paper, and at most on noisy
paper."""
