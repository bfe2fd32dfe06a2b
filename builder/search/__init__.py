"""The search index of registry and server."""
