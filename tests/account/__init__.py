"""An account as `setup` meets it: SLS, MNS, RAM and STS over HTTP, with their signatures.

It is reached as a proxy, so that the SDKs keep the hosts that they build: SLS has one per project.
Stricter than the cloud: what it does not know is refused.
"""
