"""The operator's command, `python -m handler`: an optional install that is not deployed."""
