"""What names of image files end in; `dsl/data/folder-listing.ts` says the same."""

from __future__ import annotations

import re

ENDING = re.compile(r"\.(jpe?g|png|webp|bmp|pgm|ppm)$", re.IGNORECASE)
