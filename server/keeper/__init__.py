"""The keeper: it follows the registry, writes the read model, and answers what workers relay."""
