"""What the steps say to each other: schemas, ticks, messages and their encodings, defined once.

Importing this package costs nothing: numpy and pyarrow are loaded by the modules that compute with them.
"""
