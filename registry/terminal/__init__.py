"""Output of commands: tables, suggestions, and lines that can be pasted into a shell."""
