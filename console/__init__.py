"""The operator's command, `python -m console`: an optional install that is not deployed."""
