"""What the local cloud promises, shown with the real SDK over HTTP."""
