"""Who vouches for an artifact: signatures, keys, and policies that say which of them are believed."""
