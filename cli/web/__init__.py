"""Pages for browsers: a report in one file, and a server to try a detector with. They need no compiler."""
