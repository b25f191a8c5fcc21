"""What other packages add through entry points, and what happens when that fails."""

from __future__ import annotations


class PluginError(Exception):
    """Another package's rule or operation cannot be used: its name is taken, or what its entry names does not load."""
