"""Floor 5: what people do with a release."""
