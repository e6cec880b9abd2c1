"""What can be set, where a value came from, and what it may be."""
