"""One file that holds a registry with its rows and what is remembered of it; and the way back."""
