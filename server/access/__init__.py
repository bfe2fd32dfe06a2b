"""Who may: tokens, trusted networks, limits, and what is on record of it."""
