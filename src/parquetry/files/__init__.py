"""Floor 3: one file at a time, the folder that they stand in, and its seal."""
