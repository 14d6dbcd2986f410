"""What `vicinal bench` measures of other kinds of vectors than dense ones, and of texts."""
