"""What `./run bench cohort` runs in processes of their own: fill, engine, questions."""
