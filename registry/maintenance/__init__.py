"""A registry's Git kept small and quick, and its state at one moment for a backup."""
