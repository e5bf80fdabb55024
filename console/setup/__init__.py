"""`setup`: what the function needs around it, made from `deploy/`: logs, queue, topic, role."""
