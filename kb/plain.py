"""Text from outside, for a terminal."""


def plain(text: str) -> str:
    r"""Return text from outside for a terminal: one line, no control characters to obey.

    Examples:
        >>> plain("\x1b[31mred\u202e")
        '[31mred'
    """
    return "".join(c if c.isprintable() else " " for c in text).strip()
