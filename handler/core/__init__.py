"""Decides: pure values and functions, with no I/O and no clock."""
