"""Reference data: organisations and areas, their links over time, and postcodes."""
