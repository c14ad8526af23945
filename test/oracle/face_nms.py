"""Face-NMS as arXiv 2109.04698 writes it (algorithm 1), one image after the other, in exact fractions.

Reads {"rows": [[…]], "offsets": […], "thresholds": […]} and writes, for each threshold, the images that are kept.
"""

import json
import sys
from fractions import Fraction


def dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def face_nms(features, threshold):
    count = len(features)
    centre = [sum(column) / count for column in zip(*features, strict=True)]
    score = [dot(f, centre) for f in features]
    left, kept = list(range(count)), []
    while left:
        m = min(left, key=lambda i: (score[i], i))
        kept.append(m)
        left = [i for i in left if i != m and dot(features[m], features[i]) < threshold]
    return sorted(kept)


given = json.load(sys.stdin)
rows = [[Fraction(x) for x in row] for row in given["rows"]]
pairs = list(zip(given["offsets"], given["offsets"][1:], strict=False))
print(
    json.dumps(
        [
            [first + i for first, end in pairs for i in face_nms(rows[first:end], Fraction(threshold))]
            for threshold in given["thresholds"]
        ]
    )
)
