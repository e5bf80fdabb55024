"""A recorded account over HTTP, for programs that only look: every service that `doctor` reads.

What RAM, STS, MNS, Log Service, Function Compute and Auto Scaling answer stands in a JSON
document; ECS and VPC are a local cloud of their own. Signatures are checked, and what is not known
is refused.
"""
