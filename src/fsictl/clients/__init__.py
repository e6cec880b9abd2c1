"""Transactions of trading clients: simulated ones, and files of real ones."""
