"""Clients that nobody here wrote, driven through one scenario against one running server."""
