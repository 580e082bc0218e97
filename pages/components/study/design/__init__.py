"""What the researcher's page of study designs is made of."""
