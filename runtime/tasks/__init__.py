"""What a frame's result holds, task by task."""
