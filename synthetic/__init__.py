"""The demo ICS: invented people and lives, written in the national feed layouts.

Nothing here is imported by an app, and nothing here imports one.
"""
