"""What lookups are answered from."""
