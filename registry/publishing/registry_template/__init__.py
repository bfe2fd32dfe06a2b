"""The first files of a registry: its policy, its rules for a Git host, and its hook."""
