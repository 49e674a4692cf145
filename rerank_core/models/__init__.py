"""Which models there are: served names with their limits, and weights on disk."""
