"""What begins things: files, schedules, people and the minute."""
