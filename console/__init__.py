"""The operator's command, `secondary-ips`: an optional install that is not deployed."""
