"""The live page: what the warehouse holds, as it grows, in a browser.

``queries`` answers one question about the warehouse each, ``tail`` follows its tables, ``events`` tells every open
page what is new, ``app`` puts both behind addresses, ``serve`` listens. ``static/`` is the page itself, which loads
nothing from anywhere else. Importing this package costs nothing.
"""
