"""Errors of the page.

PageError
├── DrawingError      the browser sent something that is not a drawing of this page
├── CorrectionError   a drawing that a person put right was not kept
└── AddressError      the page cannot listen where it was told to
"""


class PageError(Exception):
    """Anything the page refuses; the text says what was expected, received, and what to do."""


class DrawingError(PageError):
    """What the browser sent is not a drawing."""


class AddressError(PageError):
    """The address is taken or does not belong to this machine."""


class CorrectionError(PageError):
    """A correction was not kept."""
