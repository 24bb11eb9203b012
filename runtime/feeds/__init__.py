"""Where the frames of a stream come from."""
