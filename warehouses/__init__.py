"""Warehouses for calls and state: a folder each, and the SQL of a commit. All SQL of the project stands here."""
