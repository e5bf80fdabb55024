"""The deployment, as far as it goes without an account: manifests, policies, rehearsal."""
