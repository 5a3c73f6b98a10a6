#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The brain-mr network: images made from label maps, training, calibration and export.

    train.py --data DATA/train/brain-labelmaps --work A --steps 950
    train.py --data DATA/train/brain-labelmaps --work B --start A/checkpoint.pt --rate 2.5e-3 --steps 340

The second run's network ships; runs with --start draw face and neck too.
Data: ten whole-head label maps of SynthSeg (Apache-2.0), the last held back for the temperature. No real image
is ever seen: each step draws a contrast (T1-like, turned round, or any), a deformation, a bias field, blur,
noise and a slice thickness. Needs Debian's python3-torch, python3-nibabel and python3-onnx; with
libopenblas0-pthread it is several times faster.
"""
import glob
import os
import sys

import nibabel
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'training'))
import training
import volumes

SPACING, PATCH, FINE = 1.5, 64, 96  # the image is drawn at 1 mm: 96 voxels are 64 of 1.5 mm
GREY, WHITE, CSF, DEEP, CEREBELLUM, STEM = 1, 2, 3, 4, 5, 6
CLASSES = {GREY: (3, 42), WHITE: (2, 41, 25, 57, 85), CSF: (4, 5, 14, 15, 24, 72, 43, 44, 136, 137, 163, 164),
           DEEP: (10, 49, 11, 50, 12, 51, 13, 52, 26, 58, 28, 60, 30, 62, 17, 53, 18, 54), CEREBELLUM: (7, 8, 46, 47), STEM: (16,)}


def conv(inputs, outputs, size=3, stride=1):
    return nn.Sequential(nn.Conv3d(inputs, outputs, size, stride, size // 2, bias=False), nn.BatchNorm3d(outputs),
                         nn.ReLU(inplace=True))


class Brain(nn.Module):
    """A U-Net of four levels whose skips are added."""

    def __init__(self, widths=(16, 32, 32, 48), classes=7):
        super().__init__()
        self.stem = conv(1, widths[0])
        self.down, self.up, self.fuse = (nn.ModuleList() for _ in range(3))
        for low, high in zip(widths[:-1], widths[1:]):
            self.down.append(nn.Sequential(conv(low, high, stride=2), conv(high, high)))
            self.up.insert(0, conv(high, low, 1))
            self.fuse.insert(0, conv(low, low))
        self.head = nn.Conv3d(widths[0], classes, 1)

    def forward(self, x):
        x = self.stem(x)
        kept = []
        for down in self.down:
            kept.append(x)
            x = down(x)
        for up, fuse in zip(self.up, self.fuse):
            x = fuse(training.double(up(x)) + kept.pop())
        return self.head(x)


class Maps:
    """The label maps as numbers of FreeSurfer labels, cut to the head, and what the contrasts need."""

    def __init__(self, folder):
        self.labels = np.load(os.path.join(folder, 'generation_labels.npy'))
        self.groups = np.load(os.path.join(folder, 'generation_classes_contrast_specific.npy'))
        self.mean = np.load(os.path.join(folder, 'prior_means_t1.npy'))
        self.deviation = np.load(os.path.join(folder, 'prior_stds_t1.npy'))
        number = np.zeros(1024, np.uint8)
        number[self.labels] = np.arange(len(self.labels))
        self.target = np.zeros(len(self.labels), np.int64)
        for value, labels in CLASSES.items():
            self.target[np.isin(self.labels, labels)] = value
        self.maps = []
        for path in sorted(glob.glob(os.path.join(folder, 'training_seg_*.nii.gz'))):
            image = nibabel.as_closest_canonical(nibabel.load(path))
            voxels = number[np.asarray(image.dataobj).astype(np.int16)]
            low, high = (f(np.argwhere(voxels > 0), 0) for f in (np.min, np.max))
            voxels = voxels[tuple(slice(max(0, a - 6), b + 7) for a, b in zip(low, high))]
            brain = np.argwhere(self.target[voxels] > 0)
            histogram = np.bincount(voxels.ravel(), minlength=len(self.labels)) / voxels.size
            self.maps.append((torch.from_numpy(voxels).float()[None, None], brain.mean(0), histogram))

    def contrast(self, random, any_share):
        """Mean and deviation of every label."""
        kind = random.random()
        if kind >= any_share:  # as in T1, or turned round
            mean = random.normal(self.mean[0], self.mean[1])[self.groups]
            deviation = np.abs(random.normal(self.deviation[0], self.deviation[1]))[self.groups] * random.uniform(0.3, 1)
            mean += random.normal(0, 4, len(mean))
            if kind > 1 - 0.4 * any_share:
                mean = 255 - mean
        else:
            mean = random.uniform(10, 245, self.groups.max() + 1)[self.groups]
            deviation = random.uniform(2, 20, self.groups.max() + 1)[self.groups]
        if random.random() < 0.9:
            mean[0], deviation[0] = random.uniform(0, 12), random.uniform(0, 6)
        return np.clip(mean, 0, 255), deviation


def blur(x, sigma):
    """x [1, 1, ...], sigma in voxels for each axis."""
    for axis, s in enumerate(sigma):
        if s > 0.2:
            radius = int(np.ceil(2.5 * s))
            k = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / float(s)) ** 2)
            shape, pad = [1] * 5, [0] * 3
            shape[2 + axis], pad[axis] = 2 * radius + 1, radius
            x = F.conv3d(x, (k / k.sum()).reshape(shape), padding=pad)
    return x


def draw(random, maps, which, any_share=0.15, wide=0.0):
    """One patch: image [1, 1, 64, 64, 64] and label [1, 64, 64, 64]."""
    voxels, centre, histogram = maps.maps[which]
    dims = np.array(voxels.shape[2:])
    matrix = volumes.rotation(random, 15) * np.exp(random.uniform(-0.12, 0.12, (1, 3)))
    if random.random() < 0.5:
        matrix[:, 2] *= -1
    middle = centre + random.uniform(-1, 1, 3) * (45, 60, 45)
    if wide and random.random() < wide:  # face, neck and air too
        middle = centre + random.uniform((-75, -95, -125), (75, 95, 75))
    theta = np.zeros((1, 3, 4), np.float32)
    theta[0, :, :3] = matrix * FINE / dims[::-1, None]
    theta[0, :, 3] = (2 * middle[::-1] + 1) / dims[::-1] - 1
    bend = volumes.smooth(random, (3, PATCH, PATCH, PATCH), 5, 3.0 * random.random())
    bend = bend / torch.from_numpy(dims[::-1].copy().astype(np.float32) / 2).reshape(1, 3, 1, 1, 1)

    def labels(size):
        grid = F.affine_grid(torch.from_numpy(theta), (1, 1, size, size, size), align_corners=False)
        field = F.interpolate(bend, (size, size, size), mode='trilinear', align_corners=False)
        return F.grid_sample(voxels, grid + field.permute(0, 2, 3, 4, 1), mode='nearest', align_corners=False).long()

    mean, deviation = maps.contrast(random, any_share)
    fine = labels(FINE)
    x = torch.from_numpy(mean.astype(np.float32))[fine]
    x += torch.from_numpy(deviation.astype(np.float32))[fine] * torch.from_numpy(
        random.standard_normal(x.shape, np.float32))
    whole = random.choice(len(histogram), 4000, p=histogram)
    low, high = np.percentile(mean[whole] + deviation[whole] * 0.6 * random.normal(size=4000), (0.5, 99.5))
    sigma = np.full(3, random.uniform(0.35, 0.8))
    if random.random() < 0.35:  # thick slices
        sigma[random.integers(3)] = random.uniform(0.8, 2.2)
    x = F.interpolate(blur(x, sigma), (PATCH,) * 3, mode='trilinear', align_corners=False)
    if random.random() < 0.8:
        x = x * volumes.smooth(random, (1, PATCH, PATCH, PATCH), 3, 0.2 * random.random()).exp()
    high = low + (high - low) * np.exp(random.normal(0, 0.08))
    x = ((x - float(low)) / float(high - low + 1)).clamp(0, 1) ** float(np.exp(random.normal(0, 0.2)))
    x = x + torch.from_numpy(random.standard_normal(x.shape, np.float32)) * float(random.random() ** 2 * 0.08)
    return x.clamp(0, 1), torch.from_numpy(maps.target)[labels(PATCH)][:, 0]


def loss_of(logits, label, weight=None):
    """Cross entropy, and one minus the Dice of every class that is there, over the whole batch."""
    probability = logits.softmax(1).flatten(2)
    truth = F.one_hot(label.flatten(1), logits.shape[1]).transpose(1, 2).to(probability.dtype)
    both, sizes = (probability * truth).sum((0, 2)), truth.sum((0, 2))
    dice = 2 * both / (probability.sum((0, 2)) + sizes + 1)
    return F.cross_entropy(logits, label, weight) + 0.5 * (1 - dice[sizes > 50]).mean()


def main():
    args = training.arguments(__doc__, steps=420, batch=2).parse_args()
    args.script, args.name = __file__, 'brain-mr'
    training.start(args)
    maps = Maps(args.data)

    rare, weight = [True], torch.tensor([1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 3.0])

    def sample(random, step):
        late = step >= 0.35 * args.steps or args.start  # T1-like alone at first
        rare[0] = step < 0.75 * args.steps and not args.start
        patches = [draw(random, maps, random.integers(len(maps.maps) - 1), 0.15 if late else 0, 0.6 if args.start else 0)
                   for _ in range(args.batch)]
        return torch.cat([p[0] for p in patches]), torch.cat([p[1] for p in patches])

    def finish(net):
        sets = {}
        for name, seed in (('validation', 1000), ('test', 2000)):
            sets[name] = [(f'{name}-{n}', *draw(np.random.default_rng((9, seed + n)), maps, len(maps.maps) - 1))
                          for n in range(12)]
        training.report(args, net, (1, 1, 96, 96, 96), sets, lambda n, x: n(x), 3)

    def rare_first(logits, label):  # small parts count more, until the last quarter
        return loss_of(logits, label, weight if rare[0] else None)

    training.run(args, Brain, sample, finish, loss=rare_first, memory_format=torch.contiguous_format)


if __name__ == '__main__':
    main()
