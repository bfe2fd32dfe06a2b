"""Access: tokens, trusted networks, limits, and the record of refusals."""
