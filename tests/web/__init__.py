"""Tests of pages for browsers."""
