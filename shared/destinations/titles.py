"""What people call the fields that destinations have in common."""

from shared.domain.message import say

EMAIL = say("Email")
FIRST_NAME = say("First name")
LAST_NAME = say("Last name")
PHONE = say("Phone")
