"""What the pages of the reference are made of."""

from typing import Any


def setup(app: Any) -> dict[str, Any]:
    """Connect to Sphinx."""
    return {"parallel_read_safe": True}
