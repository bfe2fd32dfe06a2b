"""What answers before the application: lookups, and repeated writes."""
