"""What the linkage benchmark asks of a whole ICS: its feeds' own layouts, landed."""
