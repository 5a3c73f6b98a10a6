#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The breast-us network: training, calibration and export.

    train.py --data DATA/train/breast-us --work FOLDER

Data: breast ultrasound with lesions and their masks, 256 x 256 (BUSI). The set names no patients, and has pictures
twice: those that are nearly alike count as one patient. Needs Debian's python3-torch, python3-pil and
python3-onnx; with libopenblas0-pthread it is several times faster.
"""
import os
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'training'))
import pictures
import training


TRAIN, SIZE = 128, 160  # larger in the end than in training (Touvron et al. 2019)


def conv(inputs, outputs, size=3, stride=1, groups=1):
    return nn.Sequential(nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False),
                         nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class Far(nn.Module):
    """ConvUtr: a transformer block with a large depthwise kernel where attention would be."""

    def __init__(self, width, size, expand=2):
        super().__init__()
        self.far = conv(width, width, size, groups=width)
        self.feed = nn.Sequential(conv(width, expand * width, 1), nn.Conv2d(expand * width, width, 1, bias=False),
                                  nn.BatchNorm2d(width))

    def forward(self, x):
        x = x + self.far(x)
        return x + self.feed(x)


class Global(nn.Module):
    """Attention among all positions of a coarse map."""

    def __init__(self, width, heads=4, drop=0.1):
        super().__init__()
        self.heads = heads
        self.norm, self.norm_feed = nn.LayerNorm(width), nn.LayerNorm(width)
        self.ask, self.leave = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.feed = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.drop = nn.Dropout(drop)

    def forward(self, x):
        batch, n, width = x.shape
        q, k, v = self.ask(self.norm(x)).reshape(batch, n, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        weights = (q * (width // self.heads) ** -0.5 @ k.transpose(2, 3)).softmax(3)
        x = x + self.drop(self.leave((weights @ v).transpose(1, 2).reshape(batch, n, width)))
        return x + self.drop(self.feed(self.norm_feed(x)))


class Lesion(nn.Module):
    """Mobile U-ViT: large kernels at fine levels, attention at the two coarse ones, a plain way up."""

    def __init__(self, widths=(16, 32, 64, 96, 128), classes=2):
        super().__init__()
        self.stem = nn.Sequential(conv(1, widths[0], 3, stride=2), conv(widths[0], widths[0]))
        self.down, self.local, self.far, self.up, self.fuse = (nn.ModuleList() for _ in range(5))
        for n in range(1, 5):
            self.down.append(conv(widths[n - 1], widths[n], 3, stride=2))
            self.local.append(Far(widths[n], 7 if n < 4 else 3))
            self.far.append(nn.ModuleList([Global(widths[n]) for _ in range(2)] if n > 2 else []))
            self.up.insert(0, conv(widths[n], widths[n - 1], 1))
            self.fuse.insert(0, conv(2 * widths[n - 1], widths[n - 1]))
        self.place = nn.Parameter(torch.zeros(1, widths[3], 16, 16))
        self.drop = nn.Dropout2d(0.1)
        self.head = nn.Conv2d(widths[0], classes, 1)

    def forward(self, x):
        x = self.stem(x)
        kept = []
        for n, (down, local, far) in enumerate(zip(self.down, self.local, self.far)):
            kept.append(x)
            x = local(down(x))
            if n == 2:
                x = x + (self.place if x.shape[2:] == self.place.shape[2:] else
                         F.interpolate(self.place, x.shape[2:], mode='bilinear', align_corners=False))
            if len(far) > 0:
                height, width = x.shape[2:]
                tokens = x.flatten(2).transpose(1, 2)
                for block in far:
                    tokens = block(tokens)
                x = tokens.transpose(1, 2).reshape(-1, x.shape[1], height, width)
        x = self.drop(x)
        for up, fuse in zip(self.up, self.fuse):
            x = training.double(up(x))
            x = fuse(torch.cat((x, kept.pop()), 1))
        return training.double(self.head(x))


def alike(cases, limit=0.9):
    """A name for each picture, the same for pictures whose 24 x 24 thumbnails correlate by more than `limit`."""
    small = np.stack([c[1][:240, :240].reshape(24, 10, 24, 10).mean((1, 3)).ravel() for c in cases])
    small = (small - small.mean(1, keepdims=True)) / small.std(1, keepdims=True)
    close = small @ small.T / small.shape[1] > limit
    first = np.arange(len(cases))
    for _ in range(8):
        first = np.array([first[row].min() for row in close])
    return [cases[n][0] for n in first]


def main():
    args = training.arguments(__doc__, steps=2400, batch=16).parse_args()
    args.script, args.name = __file__, 'breast-us'
    training.start(args)
    cases = pictures.load(args.data)
    names = alike(cases)
    part = training.split(names)
    sets = {'train': [], 'validation': [], 'test': []}
    for case, name in zip(cases, names):
        sets[part[name]].append(case)
    print(len(set(names)), 'patients', {k: len(v) for k, v in sets.items()}, flush=True)

    def sample(random, step):
        size = SIZE if training.reads_file(args) else TRAIN
        return pictures.sample(random, sets['train'], args.batch, size, zoom=(0.7, 1.7), turn=15, flip=(True, False),
                               bend=0.05, shift=0.15, gamma=0.4, bias=0.4, speckle=0.3, erase=0.3, shadow=0.3)

    def finish(net):
        if not hasattr(net, 'save'):  # a file's network stays as it is
            net.place = nn.Parameter(F.interpolate(net.place.detach(), (SIZE // 16,) * 2, mode='bilinear'))
        sized = {k: [pictures.as_case(c, SIZE) for c in sets[k]] for k in ('validation', 'test')}
        training.report(args, training.mirrored(args, net, 3), (1, 1, SIZE, SIZE), sized, at_full_size, 5)

    def at_full_size(net, x):  # the masks have 256 x 256
        return F.interpolate(net(x), (pictures.SIZE,) * 2, mode='bilinear', align_corners=False)

    training.run(args, Lesion, sample, finish, rate=3e-3, weight_decay=0.03,
                 loss=lambda logits, label: training.loss_of(logits, label, 1.0))


if __name__ == '__main__':
    main()
