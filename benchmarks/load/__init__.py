"""What the load benchmark of studies is made of."""
