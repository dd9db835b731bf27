"""The comparison harness; compare.py is its command."""
