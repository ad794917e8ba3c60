"""The REST API: who is calling, what they ask for, and how it is answered."""
