"""Artifacts in OCI registries, as a device reads them.

The wire is the standard library's `http.client` and `ssl`. A device has numpy and apache-tvm-ffi, and a registry asks
for little: a few GETs, one redirect, two kinds of authorisation. requests, the usual library for it, brings 3.4 MB in
five packages, takes 80 ms more to import, and follows redirects by rules of its own, where ours are part of what is
checked.
"""
