"""What filters cost: on indexed fields, on fields without an index, and as bitsets."""
