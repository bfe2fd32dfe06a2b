"""Git: objects, trees, refs, remotes and the working tree; what they mean is decided elsewhere."""
