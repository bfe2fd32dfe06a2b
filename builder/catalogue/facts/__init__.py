"""The facts about a registry and each library, before anything is rendered."""
