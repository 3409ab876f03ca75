"""What the delta benchmark does as the product's own processes."""
