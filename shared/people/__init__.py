"""What is kept of people.

- `audit_trail`: records who did what, and reads it
- `preferences`: keeps which language somebody prefers
"""
