"""Lists like IJB's, drawn: several media a template, several faces a medium, varied scores; and the field's script, literally."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass
class Ijb:
    """Faces in the order of the lists, and their embeddings."""

    names: list[str]
    templates: np.ndarray
    media: np.ndarray
    scores: np.ndarray
    vectors: np.ndarray
    subjects: dict[int, int]
    """Of each template whom it shows."""


def drawn(seed: int, subjects: int = 12, noise: float = 1.5, width: int = 6) -> Ijb:
    chance = np.random.default_rng(seed)
    centres = chance.normal(size=(subjects, width))
    ids = chance.permutation(1000)[: 4 * subjects]
    faces, of = [], {}
    for number, template in enumerate(ids):
        of[int(template)] = number % subjects
        for medium in chance.permutation(50)[: chance.integers(1, 5)]:
            faces += [(int(template), int(medium))] * chance.integers(1, 4)
    chance.shuffle(faces)
    templates, media = np.array(faces).T
    vectors = centres[[of[int(t)] for t in templates]] + noise * chance.normal(size=(len(faces), width))
    vectors *= chance.uniform(1, 30, (len(faces), 1))
    return Ijb(
        names=[f"{i + 1}.jpg" for i in chance.permutation(len(faces))],
        templates=templates,
        media=media,
        scores=np.round(chance.uniform(0.1, 1, len(faces)), 3),
        vectors=vectors.astype(np.float32),
        subjects=of,
    )


def write_meta(folder: Path, ijb: Ijb, pairs: np.ndarray | None = None) -> None:
    """The lists of faces, scores and, if given, of pairs (template, template, label)."""
    faces = zip(ijb.names, ijb.templates, ijb.media, strict=True)
    (folder / "ijbx_face_tid_mid.txt").write_text("".join(f"{n} {t} {m}\n" for n, t, m in faces))
    points = " ".join(["30.5"] * 10)
    scored = sorted(zip(ijb.names, ijb.scores, strict=True))
    (folder / "ijbx_name_5pts_score.txt").write_text("".join(f"{n} {points} {s}\n" for n, s in scored))
    if pairs is not None:
        lines = "".join(f"{a} {b} {label}\n" for a, b, label in pairs)
        (folder / "ijbx_template_pair_label.txt").write_text(lines)


def literal_templates(ijb: Ijb, norms: bool = True, scores: bool = True, keep: np.ndarray | None = None):
    """`image2template_feature` of arcface_torch's onnx_ijbc.py: the templates, and a row of length 1 for each."""
    features = ijb.vectors.astype(np.float64)
    if not norms:
        features = features / np.sqrt(np.sum(features**2, -1, keepdims=True))
    if scores:
        features = features * ijb.scores.astype(np.float32)[:, np.newaxis]
    kept = np.ones(len(features), bool) if keep is None else keep
    features, templates, media = features[kept], ijb.templates[kept], ijb.media[kept]
    unique = np.unique(templates)
    rows = np.zeros((len(unique), features.shape[1]))
    for number, template in enumerate(unique):
        (own,) = np.where(templates == template)
        of_media = []
        for medium in np.unique(media[own]):
            (faces,) = np.where(media[own] == medium)
            of_media.append(np.mean(features[own][faces], axis=0))
        rows[number] = np.sum(of_media, axis=0)
    return unique, rows / np.linalg.norm(rows, axis=1, keepdims=True)
