"""A real server to load from."""

from tests.oci.fixtures import oci, oci_running

__all__ = ["oci", "oci_running"]
