"""An account is connected, checked and kept alive."""
