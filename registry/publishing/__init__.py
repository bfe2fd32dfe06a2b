"""Make a registry, add, release and withdraw."""
