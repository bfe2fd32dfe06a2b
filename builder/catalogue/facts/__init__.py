"""What is known of a registry and of each library, before anything is rendered."""
