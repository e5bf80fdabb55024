"""The deployment, as far as it can be checked without an account: manifests, policies, rehearsal."""
