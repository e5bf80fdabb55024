"""The function and the real SDKs against the local cloud, over HTTP."""
