"""Segment files become parts of profiles that are ready to be sent."""
