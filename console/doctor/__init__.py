"""`doctor`: reads the real account, and says row by row what is amiss and what mends it."""
