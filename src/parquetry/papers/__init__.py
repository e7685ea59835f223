"""Floor 4: what is said about a release, computed from its files."""
