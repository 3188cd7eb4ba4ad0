"""Errors of the page.

PageError
├── DrawingError   the browser sent something that is not a drawing of this page
└── AddressError   the page cannot listen where it was told to
"""


class PageError(Exception):
    """Anything the page refuses; the text says what was expected, received, and what to do."""


class DrawingError(PageError):
    """What the browser sent is not a drawing."""


class AddressError(PageError):
    """The address is taken or does not belong to this machine."""
