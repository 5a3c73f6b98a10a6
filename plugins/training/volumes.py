# SPDX-License-Identifier: Apache-2.0
"""Volumes with masks: reading NIfTI as [x, y, z], z-score, random variants."""
import os

import nibabel
import numpy as np
import torch
import torch.nn.functional as F


def load(folder):
    """[(name, image f32 [x, y, z] with mean 0 and deviation 1, label u8)] of folder/images, folder/labels."""
    cases = []
    for name in sorted(os.listdir(os.path.join(folder, 'images'))):
        image = np.asarray(nibabel.load(os.path.join(folder, 'images', name)).dataobj, np.float32)
        mask = np.asarray(nibabel.load(os.path.join(folder, 'labels', name)).dataobj).astype(np.uint8)
        cases.append((name.split('.')[0], zscore(torch.from_numpy(image)), torch.from_numpy(mask)))
    return cases


def zscore(x):
    return (x - x.mean()) / (x.std(unbiased=False) + 1e-6)


def as_case(case, size):
    """(name, image [1, 1, *size], label) with the volume in the middle, its edges repeated around it."""
    name, image, label = case
    pad = []
    for have, want in zip(reversed(image.shape), reversed(size)):
        pad += [(want - have) // 2, want - have - (want - have) // 2]
    return name, F.pad(image[None, None], pad, mode='replicate'), F.pad(label[None].long(), pad)


def smooth(random, shape, cells, scale):
    field = random.normal(0, 1, (1, shape[0], cells, cells, cells)).astype(np.float32) * np.float32(scale)
    return F.interpolate(torch.from_numpy(field), shape[1:], mode='trilinear', align_corners=True)


def rotation(random, degrees):
    x, y, z = np.deg2rad(random.uniform(-degrees, degrees, 3))
    rx = [[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]]
    ry = [[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]]
    rz = [[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]]
    return np.array(rx) @ np.array(ry) @ np.array(rz)


def warp(random, dims, size, turn, zoom, bend, flip_first, shift):
    """A sampling grid [1, *size, 3] into a volume of `dims`; axes of the result as F.grid_sample wants them."""
    matrix = rotation(random, turn) * np.exp(random.uniform(-zoom, zoom, (1, 3)))
    if flip_first and random.random() < 0.5:
        matrix[:, 2] *= -1  # grid axes run backwards: the last is the array's first
    here, there = np.array(size[::-1]) / 2, np.array(dims[::-1]) / 2
    theta = np.zeros((1, 3, 4), np.float32)
    theta[0, :, :3] = matrix * here[None] / there[:, None]
    theta[0, :, 3] = random.uniform(-1, 1, 3) * shift / there
    grid = F.affine_grid(torch.from_numpy(theta), (1, 1, *size), align_corners=False)
    field = smooth(random, (3, *size), 5, bend * random.random())
    return grid + field[0].permute(1, 2, 3, 0)[None] / torch.from_numpy(there.astype(np.float32))


def largest(x):
    """x.argmax (1), several times faster."""
    best, label = x[:, 0], torch.zeros_like(x[:, 0], dtype=torch.long)
    for value in range(1, x.shape[1]):
        label[x[:, value] > best] = value
        best = torch.maximum(best, x[:, value])
    return label


def sample(random, cases, batch, size, classes, turn=15, zoom=0.15, bend=2.0, shift=4.0):
    """One batch of random variants: images [n, 1, *size] normalised, labels [n, *size]."""
    images, labels = [], []
    for n in random.integers(len(cases), size=batch):
        _, image, label = cases[n]
        grid = warp(random, image.shape, size, turn, zoom, bend, True, shift)
        x = F.grid_sample(image[None, None], grid, padding_mode='border', align_corners=False)
        truth = F.one_hot(label.long(), classes).permute(3, 0, 1, 2)[None].float()
        y = F.grid_sample(truth, grid, align_corners=False)[:, 1:]
        y = largest(torch.cat((1 - y.sum(1, keepdim=True), y), 1))
        low, high = x.min(), x.max()
        x = ((x - low) / (high - low + 1e-6)) ** float(np.exp(random.normal(0, 0.25)))
        if random.random() < 0.5:
            x = x * smooth(random, (1, *size), 3, 0.15).exp()
        if random.random() < 0.3:
            k = float(random.uniform(0.05, 0.25))
            x = F.conv3d(x, torch.tensor([k, 1 - 2 * k, k]).reshape(1, 1, 1, 1, 3), padding=(0, 0, 1))
            x = F.conv3d(x, torch.tensor([k, 1 - 2 * k, k]).reshape(1, 1, 1, 3, 1), padding=(0, 1, 0))
            x = F.conv3d(x, torch.tensor([k, 1 - 2 * k, k]).reshape(1, 1, 3, 1, 1), padding=(1, 0, 0))
        x = x + torch.from_numpy(random.standard_normal(x.shape, np.float32)) * float(random.random() ** 2 * 0.06)
        images.append(zscore(x))
        labels.append(y)
    return torch.cat(images), torch.cat(labels)
