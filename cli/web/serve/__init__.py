"""`zcc serve`: a detector behind HTTP, and a page to try it on."""
