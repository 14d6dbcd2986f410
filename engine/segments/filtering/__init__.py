"""What filters read of a segment."""
