"""What the fault benchmark is made of: copies of the databases, acts, pictures."""
