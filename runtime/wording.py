"""How many of a thing there are, in words."""


def counted(count: int, thing: str, things: str = "") -> str:
    """`1 variant`, `2 variants`; `things` where a plural is not made by an s."""
    return f"{count} {thing if count == 1 else things or thing + 's'}"
