"""What tasks compare beside upright boxes."""
