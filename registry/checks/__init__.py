"""What is wrong with a release's files."""
