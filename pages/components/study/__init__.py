"""What the pages of user studies are made of."""
