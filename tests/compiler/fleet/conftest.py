"""A real server to push to and pull from."""

from tests.oci.fixtures import oci, oci_running

__all__ = ["oci", "oci_running"]
