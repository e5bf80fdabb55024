"""The only place that imports an Alibaba Cloud SDK; the rest of the function knows the ports."""
