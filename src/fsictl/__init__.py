"""fsictl: live market metrics, and a model that says when the RSI cannot be trusted."""

__version__ = "0.1.0"
