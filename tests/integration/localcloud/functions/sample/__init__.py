"""The code of the sample functions; run by the local cloud, never imported by a test."""
