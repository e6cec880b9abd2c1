"""The engine and what it is measured against, one file each."""
