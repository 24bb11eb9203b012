"""`zcc report`: what a registry knows of its variants, as one page in one file."""
