"""Markdown tables, aligned in the source too, so that a change shows as one line, and the form
of numbers in them."""

from collections.abc import Collection, Sequence
from statistics import mean, stdev
from typing import Final

_SHORT: Final = 90
"""Seconds; a longer duration is given in minutes."""


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], words: Collection[int] = (0,)
) -> str:
    """A Markdown table with words to the left and numbers to the right.

    Args:
        header: title of each column.
        rows: text of each cell, as many in a row as there are titles.
        words: the columns that hold words, counted from 0.
    """
    lines = [[escape(cell) for cell in line] for line in (header, *rows)]
    widths = [max(3, *(len(line[column]) for line in lines)) for column in range(len(header))]
    rule = [
        f":{'-' * (width - 1)}" if column in words else f"{'-' * (width - 1)}:"
        for column, width in enumerate(widths)
    ]
    return "\n".join(_line(cells, widths, words) for cells in (lines[0], rule, *lines[1:]))


def between(interval: tuple[float, float]) -> str:
    """An interval of accuracies as `0.9905–0.9939`."""
    return f"{interval[0]:.4f}–{interval[1]:.4f}"


def spread(values: Sequence[float], form: str = ".4f") -> str:
    """One value as it is, several as mean ± standard deviation."""
    middle = format(mean(values), form)
    return middle if len(values) == 1 else f"{middle} ± {format(stdev(values), form)}"


def duration(seconds: float) -> str:
    """A duration as a person says it: `42 s`, `7 min`, `1 h 05 min`."""
    if seconds < _SHORT:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"


def escape(text: str) -> str:
    """`text` as one cell of a table: no pipe ends it and no line break."""
    return " ".join(text.split()).replace("|", "\\|")


def _line(cells: Sequence[str], widths: Sequence[int], words: Collection[int]) -> str:
    padded = (
        cell.ljust(width) if column in words else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return f"| {' | '.join(padded)} |"
