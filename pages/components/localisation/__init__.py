"""The page Localisation."""
