"""Acts: reads, calls, waits and records what the core decided."""
