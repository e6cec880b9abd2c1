"""The same prices through the local engine and through Apache Beam, compared bit for bit."""
