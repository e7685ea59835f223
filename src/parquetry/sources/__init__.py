"""Floor 1, first room: files -> batches of rows in the exact types of their columns."""
