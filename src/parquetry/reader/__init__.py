"""Floor 6: what people do with a release."""
