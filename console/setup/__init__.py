"""`setup`: what stands around the function, made from `deploy/`: logs, queue, topic, role."""
