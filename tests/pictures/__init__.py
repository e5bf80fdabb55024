"""The pictures of the documentation, made by running the project: `make pictures`.

Each is made of a fixed world, so that it comes out the same on every machine; a test makes them
again and compares.
"""
