"""QR codes on pages: an SVG element, no file and no script."""

import segno


def qr_svg(text: str, *, scale: int = 4) -> str:
    """`text` as a QR code (ISO/IEC 18004, error correction M) with its quiet zone, for a template's `|safe`."""
    return segno.make(text, error="m", micro=False).svg_inline(scale=scale, border=2, svgclass="qr", lineclass="")
