"""Floor 0: the words that all the others use."""
