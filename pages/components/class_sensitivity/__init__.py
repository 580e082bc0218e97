"""The page Class sensitivity."""
