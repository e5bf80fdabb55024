"""What brings the function to Function Compute."""
