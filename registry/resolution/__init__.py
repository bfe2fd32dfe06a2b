"""Choose versions that fit together."""
