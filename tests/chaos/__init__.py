"""The promises of the function under everything that goes wrong in a distributed system."""
