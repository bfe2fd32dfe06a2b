"""The commands that validate, diff, package, release, build and search."""
