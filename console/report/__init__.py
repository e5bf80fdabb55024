"""`report`: a picture of the fleet in one HTML file, from records or from a plan."""
