"""What `./run` does, one module per kind of command."""
