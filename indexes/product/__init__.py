"""Product quantization: a vector in parts, each of them the nearest of a few centroids."""
