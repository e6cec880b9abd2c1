"""Faults on purpose: crashes, power cuts, full disks and worse, and what is left of the tables afterwards."""
