"""The services that profiles are sent to: one file each."""
