"""What tenants cost: the many that are small, the few that are large, and those that come and go."""
