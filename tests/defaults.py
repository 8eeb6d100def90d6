"""The settings' defaults as people write them."""

from service.settings import Settings


def _written(default: object) -> str | None:
    if default is None:
        return None
    return str(default).lower() if isinstance(default, bool) else str(default)


DEFAULTS = {name: _written(field.default) for name, field in Settings.model_fields.items()}
"""By the settings' names; None = there is none."""
