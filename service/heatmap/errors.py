"""What can go wrong in drawing."""


class NotDrawableError(Exception):
    """A picture that was asked for cannot be drawn from these numbers."""

    def __init__(self, field: str, code: str, detail: str) -> None:
        """`field` of the request is at fault; `detail` says why and what would do."""
        super().__init__(detail)
        self.field = field
        self.code = code
        self.detail = detail
