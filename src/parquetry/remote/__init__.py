"""Places elsewhere, where a release is published and from where it is taken back."""
