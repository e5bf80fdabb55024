"""What is deployed beside `index.py` and the dependencies. Importing it imports nothing else."""
