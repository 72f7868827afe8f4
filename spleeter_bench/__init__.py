"""A head-to-head benchmark of vocal separators that is right about every number."""

from vocal_unet.version import __version__

__all__ = ["__version__"]
