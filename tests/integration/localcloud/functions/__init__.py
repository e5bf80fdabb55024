"""Tests of the local Function Compute."""
