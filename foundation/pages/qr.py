"""QR codes on pages: an SVG element, no file and no script."""

import segno


def qr_svg(text: str) -> str:
    """`text` as a QR code (ISO/IEC 18004, error correction M) with its quiet zone, for a template's `|safe`.

    It has no size of its own: the style sheet gives the element of the class `qr` one.
    """
    return segno.make(text, error="m", micro=False).svg_inline(border=2, omitsize=True, svgclass="qr", lineclass="")
