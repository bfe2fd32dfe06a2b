"""Quality: points for a library's active release, each explained."""
