"""Floor 1: one record at a time. Parallel and pure: a batch of rows goes in, a batch comes out."""
