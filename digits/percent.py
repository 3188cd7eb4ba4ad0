"""Probabilities as people read them, the same on the page and the command line."""


def percent(probability: float) -> str:
    """Such as `97.3%`; `>99.9%` for what would round to 100.0%, since no model is ever that
    sure."""
    text = f"{probability:.1%}"
    return ">99.9%" if text == "100.0%" else text
