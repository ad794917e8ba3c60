"""When exports are due.

- `refresh_schedule`: the one schedule of the system, which exports without their own follow.
- `index`: what is due next, by the instant.
"""
