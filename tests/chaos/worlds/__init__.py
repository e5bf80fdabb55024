"""Worlds in this process: the function above fakes of its ports, in a time of their own."""
