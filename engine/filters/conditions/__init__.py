"""Conditions that are asked of payloads, or of columns of their values, as no index answers them."""
