"""Floor 1, second room: Parquet and Arrow files -> batches of rows in the exact types of their columns."""
