"""What was served is remembered, and later answers are held against it."""
