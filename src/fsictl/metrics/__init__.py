"""Ticks to metrics: one-second bars, gaps filled, rolling columns over a window of time.

``operator`` is the state machine that engines drive, ``backfill`` runs it over a bounded input, ``kernel`` is the
arithmetic. Importing this package costs nothing: numpy is loaded by the modules that compute with it.
"""
