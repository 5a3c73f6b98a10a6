#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The heart-mr network: training, calibration and export.

    train.py --data DATA/train/cardiac-mr-lv --work A
    train.py --data DATA/train/cardiac-mr-lv --work B --start A/checkpoint.pt --rate 3e-3 --steps 680
    train.py --data DATA/train/cardiac-mr-lv --work C --start B/checkpoint.pt --rate 2e-3 --steps 420 --batch 10
    train.py --data DATA/train/cardiac-mr-lv --work D --start C/checkpoint.pt --rate 3e-3 --steps 1500 --batch 10

The fourth run's network ships; runs with --start draw small cavities more often and weigh each slice's Dice alike.

Data: short-axis cine slices of the Sunnybrook Cardiac Data with masks of the left ventricle's cavity, 256 x 256.
Split by patient (SC-HF-I-01 and so on). Needs Debian's python3-torch, python3-pil and python3-onnx; with
libopenblas0-pthread it is several times faster.
"""
import os
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'training'))
import pictures
import scan
import training


def conv(inputs, outputs, size=3, stride=1, groups=1):
    return nn.Sequential(nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False),
                         nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class Parallel(nn.Module):
    """UltraLight VM-UNet's parallel vision Mamba: four quarters of the channels share one small Mamba; here
    each quarter is read its own way: along rows, rows backwards, columns, columns backwards."""

    def __init__(self, width):
        super().__init__()
        self.part, inner = width // 4, width // 2
        self.norm = nn.BatchNorm2d(width)
        self.enter = nn.Conv2d(self.part, inner, 1)
        self.gate = nn.Conv2d(self.part, inner, 1)
        self.near = nn.Conv2d(inner, inner, 3, padding=1, groups=inner)
        self.scan = scan.Scan(inner)
        self.leave = nn.Conv2d(inner, self.part, 1)
        self.mix = conv(width, width, 1)

    def forward(self, x):
        height, width = x.shape[2], x.shape[3]
        parts = self.norm(x).reshape(-1, self.part, height, width)
        inner = F.silu(self.near(self.enter(parts)))
        gate = F.silu(self.gate(parts))
        four = inner.reshape(-1, 4, inner.shape[1], height, width)
        rows, columns = four[:, :2].flatten(3), four[:, 2:].transpose(3, 4).flatten(3)
        lines = torch.stack((rows[:, 0], rows[:, 1].flip(2), columns[:, 0], columns[:, 1].flip(2)), 1)
        y = self.scan(lines.flatten(0, 1).transpose(1, 2)).transpose(1, 2)
        y = y.reshape(-1, 4, inner.shape[1], height * width)
        rows = torch.stack((y[:, 0], y[:, 1].flip(2)), 1).reshape(-1, 2, inner.shape[1], height, width)
        columns = torch.stack((y[:, 2], y[:, 3].flip(2)), 1).reshape(-1, 2, inner.shape[1], width, height)
        y = torch.cat((rows, columns.transpose(3, 4)), 1).flatten(0, 1)
        y = self.leave(y * gate).reshape(-1, 4 * self.part, height, width)
        return self.mix(x + y)


class Heart(nn.Module):
    def __init__(self, widths=(12, 24, 32, 48, 64), classes=2):
        super().__init__()
        self.stem = conv(1, widths[0], 3, stride=2)
        self.down, self.block, self.up, self.fuse = (nn.ModuleList() for _ in range(4))
        for n, (low, high) in enumerate(zip(widths[:-1], widths[1:])):
            self.down.append(conv(low, high, 3, stride=2))
            self.block.append(conv(high, high) if n == 0 else Parallel(high))
        for n in range(len(widths) - 2, -1, -1):
            self.up.append(conv(widths[n + 1], widths[n], 1))
            self.fuse.append(conv(widths[n], widths[n]) if n < 2 else Parallel(widths[n]))
        self.head = nn.Conv2d(widths[0], classes, 1)

    def forward(self, x):
        x = self.stem(x)
        kept = []
        for down, block in zip(self.down, self.block):
            kept.append(x)
            x = block(down(x))
        for up, fuse in zip(self.up, self.fuse):
            x = fuse(training.double(up(x)) + kept.pop())
        return training.double(self.head(x))


def patient(case):
    return case[0].split('-IM-')[0]


def main():
    args = training.arguments(__doc__, steps=1000, batch=8).parse_args()
    args.script, args.name = __file__, 'heart-mr'
    training.start(args)
    cases = pictures.load(args.data)
    part = training.split(patient(c) for c in cases)
    sets = {'train': [], 'validation': [], 'test': []}
    for case in cases:
        sets[part[patient(case)]].append(case)
    print({k: len(v) for k, v in sets.items()}, flush=True)

    def sample(random, step):
        return pictures.sample(random, sets['train'], args.batch, zoom=(0.8, 1.6), turn=30, quarter=True,
                               flip=(True, False), shift=0.12, noise=0.06,
                               small=-0.4 if args.start else 0.0)

    def finish(net):
        training.report(args, net, (1, 1, 256, 256), {k: [pictures.as_case(c) for c in sets[k]]
                        for k in ('validation', 'test')}, lambda n, x: n(x), 5)

    def small_too(logits, label):  # cavities of a few pixels count as much as large ones
        return training.loss_of(logits, label, 1.0, 2)

    training.run(args, Heart, sample, finish, loss=small_too if args.start else training.loss_of)


if __name__ == '__main__':
    main()
