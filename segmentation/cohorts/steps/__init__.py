"""Sets of people in, sets and counts out: no Django, no database."""
