"""The settings' defaults as people write them."""

from service.deploy.cluster_settings import ClusterSettings
from service.settings import Settings


def _written(default: object) -> str | None:
    if default is None:
        return None
    return str(default).lower() if isinstance(default, bool) else str(default)


ALL_DEFAULTS = {name: _written(field.default) for name, field in ClusterSettings.model_fields.items()}
"""By the settings' names, those of a cluster too; None = there is none."""
DEFAULTS = {name: ALL_DEFAULTS[name] for name in Settings.model_fields}
"""Those of a single process."""
