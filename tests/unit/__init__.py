"""Tests of single modules: no network, no clock, no patching."""
