"""What the vault says when it will not do something."""


class RefusedActError(ValueError):
    """The vault does not do this; the message says why, to the person who asked."""
