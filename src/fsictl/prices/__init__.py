"""Prices: simulated (``simulate``), read from files (``replay``), published (``publish``) or written (``files``)."""
