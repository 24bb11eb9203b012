"""What runs artifacts of other kinds than a CPU's, one module per kind."""
