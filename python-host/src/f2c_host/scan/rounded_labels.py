"""Labels above 2^24 in RecordIO are f32 and so rounded. The ranges of identities, rounded as well, help to tell them apart."""

from __future__ import annotations

import numpy as np

# Whole numbers from here on need not be f32.
EXACT = 1 << 24


def told_apart(
    keys: np.ndarray, stored: np.ndarray, identities: np.ndarray, begins: np.ndarray
) -> tuple[np.ndarray, int]:
    """The identity of each image, i64, and how many borders between identities are not certain.

    `keys`: of the images, rising, and `stored`: their labels. `identities`: numbers of identities, rising, and `begins`: the key
    of the first image of each, as stored. Images stand in the order of their identities, so the first of the identities that have
    one stored number begins where the labels change to it. The next begins at a key that is stored as its range says: where there
    are several, at that number itself or the nearest to it; where there is none, range and labels disagree.
    """
    exact, unsure = stored.copy(), 0
    for label in np.unique(stored).tolist():
        first, end = np.searchsorted(stored, [label, label + 1]).tolist()
        alike = identities.astype(np.float32) == np.float32(label)
        begin = first
        for identity, told in zip(identities[alike].tolist(), begins[alike].tolist(), strict=True):
            if identity != identities[alike][0]:
                possible = begin + 1 + np.flatnonzero(keys[begin + 1 : end].astype(np.float32) == told)
                unsure += len(possible) != 1
                nearest = np.abs(keys[possible] - int(told))
                begin = int(possible[nearest.argmin()]) if len(possible) else min(begin + 1, end)
            exact[begin:end] = identity
    return exact, unsure
