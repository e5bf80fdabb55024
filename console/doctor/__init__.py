"""`doctor`: reads the real account, and says row by row what is wrong and how to fix it."""
