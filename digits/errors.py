"""Errors of the shared contract.

DigitsError
├── SettingsError    a flag, variable or file that cannot be used
└── StoreError       the model store cannot be read or written
    └── VersionError one version is incomplete, altered or not ours
"""


class DigitsError(Exception):
    """Anything this package refuses; the text says what was expected, received, and what to do."""


class SettingsError(DigitsError):
    """A flag, environment variable or settings file cannot be used."""


class StoreError(DigitsError):
    """The folder of published versions cannot be read or written."""


class VersionError(StoreError):
    """One version folder is incomplete, altered, or was not written by this project."""
