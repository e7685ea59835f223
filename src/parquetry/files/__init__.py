"""Floor 3: one file at a time, and the folder that they stand in."""
