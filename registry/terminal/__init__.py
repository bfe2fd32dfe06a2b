"""What commands print: tables, suggestions, and lines that can be pasted into a shell."""
