"""What the service's pages say to browsers: what they may load, and who may frame them."""

from collections.abc import Sequence

NOSNIFF = {"X-Content-Type-Options": "nosniff"}


def page_headers(*, styles: str = "'self'", frame_ancestors: Sequence[str] = ()) -> dict[str, str]:
    """The headers of a page that loads its own files alone, with `styles`, framed by pages of `frame_ancestors`.

    The policy is W3C's Content Security Policy Level 3; no page has an inline script.
    """
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": styles,
        "img-src": "'self' data: blob:",  # icons, and pictures that were fetched
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": " ".join(frame_ancestors) or "'none'",
    }
    return {
        **NOSNIFF,
        "Referrer-Policy": "no-referrer",
        "Content-Security-Policy": "; ".join(f"{directive} {sources}" for directive, sources in policy.items()),
    }
