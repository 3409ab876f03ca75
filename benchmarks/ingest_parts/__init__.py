"""What the ingest benchmark makes: patients and a journal in their own layout."""
