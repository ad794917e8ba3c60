"""The use cases: what the triggers and the API ask for, over the ports."""
