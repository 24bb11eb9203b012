"""The one place where the version of zcc is written."""

__version__ = "0.1.0"
