# SPDX-License-Identifier: Apache-2.0
"""Pictures with masks: reading, normalising as the program does (z-score of each slice), random variants."""
import os

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

SIZE = 256


def load(folder):
    """[(name, image f32 [256, 256], label u8)] of folder/images and folder/masks, by name."""
    cases = []
    for name in sorted(os.listdir(os.path.join(folder, 'images'))):
        image = np.asarray(Image.open(os.path.join(folder, 'images', name)).convert('L'), np.float32)
        mask = np.asarray(Image.open(os.path.join(folder, 'masks', name)).convert('L'))
        assert image.shape == mask.shape == (SIZE, SIZE), name
        cases.append((name[:-4], image, (mask > 127).astype(np.uint8)))
    return cases


def zscore(x):
    """Per picture of [n, 1, h, w]."""
    mean = x.mean((2, 3), keepdim=True)
    return (x - mean) / (x.var((2, 3), keepdim=True, unbiased=False).sqrt() + 1e-6)


def as_case(case, size=SIZE):
    """(name, image [1, 1, size, size] normalised, label [1, 256, 256])."""
    name, image, label = case
    image = torch.from_numpy(image)[None, None]
    if size != SIZE:
        image = F.interpolate(image, (size, size), mode='bilinear', align_corners=False)
    return name, zscore(image), torch.from_numpy(label)[None].long()


def smooth(random, count, cells, size, scale):
    """Random smooth fields [count, 1, size, size] of about N (0, scale)."""
    field = random.normal(0, 1, (count, 1, cells, cells)).astype(np.float32) * np.float32(scale)
    return F.interpolate(torch.from_numpy(field), (size, size), mode='bicubic', align_corners=True)


def sample(random, cases, batch, size=SIZE, zoom=(0.8, 1.25), turn=15, flip=(True, False), quarter=False, shift=0.08,
           bend=0.03, gamma=0.35, bias=0.15, noise=0.08, invert=0.0, speckle=0.0, erase=0.2, small=0.0,
           opaque=0.0, shadow=0.0):
    """One batch of random variants: images [n, 1, size, size] normalised, labels [n, size, size]. With `small` below
    0, pictures of small masks come more often; with `opaque`, that share of pictures gets a soft bright spot on what
    the mask shows, as fluid or consolidation makes on a lung; with `shadow`, that share gets a dark stripe from some
    depth down, as ultrasound has behind what it does not pass."""
    share = np.array([max(1, c[2].sum()) for c in cases], np.float64) ** small
    chosen = [cases[n] for n in random.choice(len(cases), size=batch, p=share / share.sum())]
    both = torch.from_numpy(np.stack([np.stack((c[1] / 255, c[2])) for c in chosen]).astype(np.float32))
    theta = np.empty((batch, 2, 3), np.float32)
    for b in range(batch):
        z = np.exp(random.uniform(np.log(zoom[0]), np.log(zoom[1])))
        aspect = np.exp(random.normal(0, 0.07))
        angle = np.deg2rad(random.uniform(-turn, turn)) + (random.integers(4) * np.pi / 2 if quarter else 0)
        sx = aspect / z * (-1 if flip[0] and random.random() < 0.5 else 1)
        sy = 1 / aspect / z * (-1 if flip[1] and random.random() < 0.5 else 1)
        c, s = np.cos(angle), np.sin(angle)
        move = random.uniform(-2 * shift, 2 * shift, 2)
        theta[b] = [[c * sx, -s * sy, move[0]], [s * sx, c * sy, move[1]]]
    grid = F.affine_grid(torch.from_numpy(theta), (batch, 1, size, size), align_corners=False)
    field = torch.cat((smooth(random, batch, 6, size, bend), smooth(random, batch, 6, size, bend)), 1)
    grid = grid + field.permute(0, 2, 3, 1) * torch.from_numpy(random.random((batch, 1, 1, 1)).astype(np.float32))
    image = F.grid_sample(both[:, :1], grid, align_corners=False).clamp(0, 1)
    label = (F.grid_sample(both[:, 1:], grid, align_corners=False)[:, 0] > 0.5).long()

    def per_image(values):
        return torch.from_numpy(np.asarray(values, np.float32)).reshape(batch, 1, 1, 1)

    image = image.pow(per_image(np.exp(random.normal(0, gamma, batch))))
    if bias:
        image = image * (smooth(random, batch, 4, size, bias) * per_image(random.random(batch))).exp()
    if speckle:
        grain = smooth(random, batch, size // 2, size, 1.0) * per_image(random.random(batch) * speckle)
        image = image * (1 + grain)
    if invert:
        turned = per_image(random.random(batch) < invert)
        image = image * (1 - turned) + (1 - image) * turned
    if opaque:
        place = np.arange(size, dtype=np.float32)
        for b in range(batch):
            inside = np.argwhere(label[b].numpy())
            if random.random() < opaque and len(inside):
                (y, x), (h, w) = inside[random.integers(len(inside))], random.uniform(12, 60, 2)
                spot = np.exp(-((((place - y) / h) ** 2)[:, None] + ((place - x) / w) ** 2) ** 2)
                spot = torch.from_numpy(spot.astype(np.float32)) * float(random.uniform(0.4, 1))
                image[b, 0] = image[b, 0] * (1 - spot) + float(random.uniform(0.5, 1) * image[b].max()) * spot
    for b in range(batch):
        if shadow and random.random() < shadow:
            x, y = np.ogrid[:size, :size][::-1]
            at, top, wide = random.uniform(0, size), random.uniform(-0.2, 0.7) * size, random.uniform(0.03, 0.15) * size
            inside = 1 / (1 + np.exp(-(y - top) / 4)) * np.exp(-((x - at - (y - top) * random.normal(0, 0.1)) / wide) ** 4)
            image[b, 0] *= torch.from_numpy((1 - random.uniform(0.2, 0.8) * inside).astype(np.float32))
    if random.random() < 0.4:  # blur: a small picture made large, or a soft kernel
        k = float(random.uniform(0.05, 0.3))
        kernel = torch.tensor([k, 1 - 2 * k, k])
        image = F.conv2d(F.conv2d(image, kernel.reshape(1, 1, 1, 3), padding=(0, 1)), kernel.reshape(1, 1, 3, 1),
                         padding=(1, 0))
    level = per_image(random.random(batch) ** 2 * noise)
    image = image + torch.from_numpy(random.standard_normal((batch, 1, size, size), np.float32)) * level
    for b in range(batch):
        if random.random() < erase:
            h, w = random.integers(8, 48, 2)
            j, i = random.integers(0, size - 8, 2)
            image[b, 0, j:j + h, i:i + w] = float(random.random())
    return zscore(image), label
