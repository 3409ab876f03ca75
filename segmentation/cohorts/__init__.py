"""Cohorts: who matches, how many, and who they are; saved, versioned and shared."""
