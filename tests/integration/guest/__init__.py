"""The program for the guest: its decisions anywhere, the whole of it in network namespaces."""
