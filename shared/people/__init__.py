"""Who did what, and what they like: the audit trail and preferences."""
