"""Tuning records that come with zcc; see README.md beside this file."""
