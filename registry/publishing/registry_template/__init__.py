"""What a new registry begins with: its policy, its rules for a Git host, and its hook."""
