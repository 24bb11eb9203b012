"""The schema that this zcc reads and writes; apart from the tables, so that who only reads need import no more."""

REVISION = "0004"  # of the newest migration; an older index is upgraded when it is first opened
VERSION_TABLE = "zcc_schema"
