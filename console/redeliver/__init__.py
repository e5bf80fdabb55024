"""`secondary-ips redeliver`: failed events out of their queue, and to the function again."""
