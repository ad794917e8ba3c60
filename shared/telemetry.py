"""What the app logs: its own events, and of the libraries only what is no address, name or secret."""

import logging

# At INFO these log every request with its URL, and so the names of blobs and secrets.
_TALKATIVE = ("azure.core", "azure.identity", "httpx", "httpcore")


def configure() -> None:
    """Set the levels of library loggers; the handlers belong to the Functions worker."""
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


def one_line(words: object) -> str:
    """Return somebody else's words as part of a log line, in which they can begin no line of their own."""
    return "".join(each if each.isprintable() else " " for each in str(words))
