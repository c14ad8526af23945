"""The hand-written MobileFaceNet against the published counts."""

from __future__ import annotations

import pytest
import torch
from mobile_face_net_reference import MobileFaceNetReference, count_conv_macs, count_parameters


@pytest.mark.parametrize(("embedding", "parameters"), [(512, 1_200_512), (128, 1_003_136)])
def test_the_net_has_the_published_number_of_parameters(embedding: int, parameters: int):
    assert count_parameters(MobileFaceNetReference(embedding)) == parameters


def test_the_convolutions_take_0_2212_giga_multiply_adds_at_112_pixels():
    assert round(count_conv_macs(MobileFaceNetReference(), 112, 112) / 1e9, 4) == 0.2212


def test_an_image_becomes_one_embedding_of_the_asked_width():
    net = MobileFaceNetReference(embedding=32, width=0.25, size=(64, 56), colours=1).eval()
    assert net(torch.zeros(2, 1, 64, 56)).shape == (2, 32)
    assert net.pool.conv.kernel_size == (4, 4)  # 56, 28, 14, 7, 4


def test_width_scales_every_convolution_but_the_embedding():
    net = MobileFaceNetReference(embedding=128, width=0.5)
    widths = {name: m.out_channels for name, m in net.named_modules() if isinstance(m, torch.nn.Conv2d)}
    assert (widths["stem.conv"], widths["expand.conv"], widths["embed.conv"]) == (32, 256, 128)
    assert widths["blocks.5.expand.conv"] == 4 * 32


def test_a_shortcut_joins_exactly_the_blocks_that_keep_their_shape():
    joined = [block.shortcut for block in MobileFaceNetReference().blocks]
    assert joined == [False, *[True] * 4, False, *[True] * 6, False, *[True] * 2]


def test_a_width_that_leaves_a_fraction_of_a_channel_is_refused():
    with pytest.raises(ValueError, match="choose a multiple of 1/64"):
        MobileFaceNetReference(width=0.3)
