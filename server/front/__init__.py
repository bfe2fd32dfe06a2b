"""Answers before FastAPI does: lookups, and repeated writes."""
