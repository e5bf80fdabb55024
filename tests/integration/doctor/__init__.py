"""`secondary-ips doctor`: accounts over HTTP, in order and with faults planted."""
