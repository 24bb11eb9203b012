"""zcc: an ahead-of-time compiler and artifact registry for YOLO detectors.

The compiler is heavy, so nothing of it is imported here: `import zcc` costs what the thin runtime costs.
"""

from zcc.version import __version__

__all__ = ["__version__"]
