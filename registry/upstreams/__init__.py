"""Other registries that libraries are installed from: read, never written.

Each upstream is fetched into a repository of its own below this registry's state directory, so that
nothing of a stranger gets among our objects, refs and tags before it was checked.
"""
