"""Floor 2: the whole corpus, from fingerprints alone."""
