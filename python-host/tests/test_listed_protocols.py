"""The whole way: images and lists on disk, a net in TorchScript, `f2c-dsl eval`, the host; and the same in numpy, literally."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import ijb_lists
import numpy as np
import pytest
import test_ijb_identification as one_to_many
import test_ijb_verification as one_to_one
import test_listed_pairs_numbers as pair_list
import test_megaface as megaface
import torch
from compiled import ROOT, node
from PIL import Image

SIZE, WIDTH = 12, 6

PROTOCOLS = """
import { binSet, ijbIdentification, ijbVerification, imageFolder, imageList, listedPairs, megaFace } from "f2c-dsl";

const faces = imageList({ list: "meta/ijbx_face_tid_mid.txt", root: "loose_crop", path: 0, label: 1, size: 12 });
const pack = imageFolder({ root: "pack", size: 12 });
export default {
  pairs: listedPairs({ data: faces, list: "pairs.csv", far: [0.01, 0.1], val: [0.1] }),
  bin: listedPairs({ data: binSet({ path: "set.bin", size: 12 }), far: [0.01, 0.1], val: [0.1] }),
  alone: listedPairs({ data: faces, list: "pairs.csv", flip: false }),
  ijb: ijbVerification({ data: faces, meta: "meta" }),
  searches: ijbIdentification({ data: faces, meta: "meta", ranks: [1, 2, 5, 10], fpir: [0.05, 0.1, 0.3] }),
  megaface: megaFace({
    data: pack,
    probes: "facescrub_lst",
    distractors: "megaface_lst",
    noise: { probes: "facescrub_noises.txt" },
    sizes: [10, 30, 60],
    far: [0.001, 0.01],
  }),
};
"""


class Net(torch.nn.Module):
    """Not linear, of an embedding whose norm varies, and of another one for the mirror image."""

    def __init__(self):
        super().__init__()
        self.weights = torch.nn.Parameter(
            torch.randn(3 * SIZE * SIZE, WIDTH, generator=torch.Generator().manual_seed(1))
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(x.flatten(1) @ self.weights / 20) * (1 + x.abs().mean((1, 2, 3))[:, None])


def picture(base, chance, noise=60):
    return np.clip(base + chance.normal(0, noise, base.shape), 0, 255).astype(np.uint8)


def features(pictures, flip=True):
    def embed(images):
        x = torch.from_numpy(np.ascontiguousarray(np.stack(images).transpose(0, 3, 1, 2))).float()
        with torch.no_grad():
            return Net()((x - 127.5) / 127.5).numpy()

    return embed(pictures) + embed([p[:, ::-1] for p in pictures]) if flip else embed(pictures)


def ijb_on_disk(folder: Path):
    """Templates, pairs, galleries, and a list of pairs of images; coloured pictures of each face."""
    chance = np.random.default_rng(4)
    ijb = ijb_lists.drawn(4, subjects=18)
    bases = chance.uniform(0, 255, (18, SIZE, SIZE, 3))
    pictures = [picture(bases[ijb.subjects[int(t)]], chance) for t in ijb.templates]
    for sub in ("loose_crop", "meta"):
        (folder / sub).mkdir()
    ijb.names = [name.replace(".jpg", ".png") for name in ijb.names]
    for name, pixels in zip(ijb.names, pictures, strict=True):
        Image.fromarray(pixels).save(folder / "loose_crop" / name)
    pairs = one_to_one.all_pairs(ijb)
    ijb_lists.write_meta(folder / "meta", ijb, pairs)
    galleries, probes = one_to_many.write_one_to_many(folder / "meta", ijb, 4)
    subjects = np.array([ijb.subjects[int(t)] for t in ijb.templates])
    a, b = chance.integers(0, len(pictures), (2, 400))
    b = np.where(
        chance.uniform(size=400) < 0.5, b, [chance.choice(np.flatnonzero(subjects == subjects[i])) for i in a]
    )
    same = (subjects[a] == subjects[b]).astype(int)
    lines = [f"{ijb.names[i]},{ijb.names[j]},{s}\n" for i, j, s in zip(a, b, same, strict=True)]
    (folder / "pairs.csv").write_text("one,other,same\n" + "".join(lines))
    # As insightface writes its verification sets: two encoded images a pair.
    encoded = [
        (folder / "loose_crop" / ijb.names[i]).read_bytes() for pair in zip(a, b, strict=True) for i in pair
    ]
    (folder / "set.bin").write_bytes(pickle.dumps((encoded, [bool(s) for s in same]), protocol=2))
    return ijb, pictures, pairs, (galleries, probes), (a, b, same)


def megaface_on_disk(folder: Path):
    chance = np.random.default_rng(8)
    people = np.repeat(np.arange(9), chance.integers(2, 6, 9))
    bases = chance.uniform(0, 255, (9, SIZE, SIZE, 3))
    probes = [picture(bases[p], chance) for p in people]
    distractors = [picture(chance.uniform(0, 255, (SIZE, SIZE, 3)), chance) for _ in range(60)]
    names = [f"p{p}/{i}.png" for i, p in enumerate(people)], [f"d{i % 4}/{i}.png" for i in range(60)]
    for some, pictures in zip(names, (probes, distractors), strict=True):
        for name, pixels in zip(some, pictures, strict=True):
            path = folder / "pack" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
    for file, some in zip(("facescrub_lst", "megaface_lst"), names, strict=True):
        (folder / file).write_text("\n".join(some))
    noisy = np.zeros(len(people), bool)
    noisy[[1, 7]] = True
    (folder / "facescrub_noises.txt").write_text("\n".join(names[0][i] for i in np.flatnonzero(noisy)))
    return people, noisy, probes, distractors


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("listed-protocols")
    made = ijb_on_disk(folder), megaface_on_disk(folder)
    (folder / "protocols.ts").write_text(PROTOCOLS)
    torch.jit.script(Net()).save(folder / "net.pt")
    convention = [
        "--size",
        f"{SIZE}x{SIZE}",
        "--order",
        "rgb",
        "--mean",
        "127.5",
        "--scale",
        "127.5",
        "--device",
        "cpu",
    ]
    asked = [folder / "net.pt", "--protocol", folder / "protocols.ts", "--json", folder / "found.json"]
    node(ROOT / "dist/runtime/cli/main.js", "eval", *asked, *convention)
    found = json.loads((folder / "found.json").read_text())["evaluations"]
    return made, {name: of["numbers"] for name, of in found.items()}


def test_listed_pairs_are_those_of_insightface(scored):
    ((_, pictures, _, _, (a, b, same)), _), found = scored
    for name, flip in (("pairs", True), ("alone", False)):
        unit = megaface.unit(features(pictures, flip).astype(np.float64))
        distances = np.sum((unit[a] - unit[b]) ** 2, 1)
        accuracies = pair_list.literal_accuracies(distances, same, 10)
        accuracy = found[name]["accuracy"]
        assert (accuracy["value"], accuracy["std"]) == pytest.approx(
            (accuracies.mean(), accuracies.std()), abs=1e-15
        )
        assert 0.6 < accuracy["value"] < 1
    value, std, _ = pair_list.literal_val(pair_distances(pictures, a, b), same, 10, 0.1)
    assert (
        found["pairs"]["VAL at FAR 0.1"]["value"],
        found["pairs"]["VAL at FAR 0.1"]["std"],
    ) == pytest.approx((value, std))


def test_a_bin_set_scores_as_a_list_of_its_pairs_does(scored):
    _, found = scored
    assert found["bin"] == found["pairs"]


def pair_distances(pictures, a, b):
    unit = megaface.unit(features(pictures).astype(np.float64))
    return np.sum((unit[a] - unit[b]) ** 2, 1)


def test_ijb_is_that_of_arcface_torch(scored):
    ((ijb, pictures, pairs, (galleries, probes), _), _), found = scored
    ijb.vectors = features(pictures)
    expected = one_to_one.literal_rates(pairs[:, 2], one_to_one.literal_scores(ijb, pairs))
    assert one_to_one.rates_in({"numbers": found["ijb"]}) == expected
    assert len({*expected.values()}) > 2
    each = [one_to_many.literal(ijb, gallery, probes, 1) for gallery in galleries.values()]
    for place, k in enumerate(one_to_many.RANKS):
        assert found["searches"][f"rank-{k}"]["value"] == (each[0][1][place] + each[1][1][place]) / 2
    for place, fpir in enumerate(one_to_many.FPIR):
        assert (
            found["searches"][f"TPIR at FPIR {fpir}"]["value"] == (each[0][2][place] + each[1][2][place]) / 2
        )
    assert 0.2 < found["searches"]["rank-1"]["value"] < 1


def test_megaface_is_its_definition(scored):
    (_, (people, noisy, probes, distractors)), found = scored
    rows = megaface.unit(features(probes).astype(np.float64))
    for row in np.flatnonzero(noisy):
        clean = rows[(people == people[row]) & ~noisy]
        rows[row] = megaface.unit(clean.sum(0) + megaface.jittered(0, row, WIDTH))
    others = features(distractors).astype(np.float64)
    numbers = found["megaface"]
    scores = rows @ megaface.unit(others).T
    mates = (people[:, None] == people[None]) & ~np.eye(len(people), dtype=bool)
    assert numbers["rank-1 at 60"]["value"] == ((rows @ rows.T) > scores.max(1)[:, None])[mates].mean()
    assert numbers["rank-1 at 10"]["value"] >= numbers["rank-1 at 60"]["value"] > 0.1
    falling = np.sort(scores.reshape(-1))[::-1]
    for far in (0.001, 0.01):
        bar = falling[int(far * scores.size + 1e-9)]
        assert numbers[f"TAR at FAR {far}"]["value"] == ((rows @ rows.T) > bar)[mates].mean()
        assert numbers[f"threshold at FAR {far}"]["value"] == pytest.approx(bar, abs=1e-6)
