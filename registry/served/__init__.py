"""The memory of what was served; later answers are held against it."""
