"""From a bound filter to the rows for which it holds."""
