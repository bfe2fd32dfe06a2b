"""What an author begins with, and what is said of a library."""
