"""Artifacts in OCI registries, as a registry pushes them there and pulls them; the wire is zcc.runtime.remotes."""
