#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The lungs-cxr network: training, calibration and export.

    train.py --data DATA/train/cxr-lung --work A
    train.py --data DATA/train/cxr-lung --work A2 --start A/checkpoint.pt --rate 1.5e-3 --steps 150
    train.py --data DATA/train/cxr-lung --work B --start A2/checkpoint.pt --rate 3e-3 --steps 500 --phantoms P --blend 0.5
        --bf16 --seed 8

The last run's network ships, as the mean of its answers for a picture and its mirror image; P is what
`sagitta-cli phantom --kind dx-chest` wrote (README.md).
Data: chest radiographs of Montgomery County with lung masks, 256 x 256. Split by patient (the number in the
file name). 9 minutes of one core. Needs Debian's python3-torch, python3-pil and python3-onnx; with
libopenblas0-pthread it is several times faster.
"""
import os
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from PIL import Image

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'training'))
import pictures
import training


def conv(inputs, outputs, size=3, stride=1, groups=1):
    return nn.Sequential(nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False),
                         nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class Block(nn.Module):
    """CMUNeXt: a large depthwise kernel with its input added, then an inverted bottleneck."""

    def __init__(self, width, size, expand=4):
        super().__init__()
        self.far = conv(width, width, size, groups=width)
        self.mix = nn.Sequential(conv(width, expand * width, 1), conv(expand * width, width, 1))

    def forward(self, x):
        return self.mix(x + self.far(x))


class Lungs(nn.Module):
    """CMUNeXt from half resolution on: the stem halves, the last logits are doubled."""

    def __init__(self, widths=(16, 32, 48, 64, 96), sizes=(3, 5, 7, 7, 7), classes=2):
        super().__init__()
        self.stem = conv(1, widths[0], 3, stride=2)
        self.down, self.block, self.up, self.fuse = (nn.ModuleList() for _ in range(4))
        for n, (width, size) in enumerate(zip(widths, sizes)):
            self.block.append(Block(width, size, 2 if n == 0 else 4))
            if n > 0:
                self.down.append(conv(widths[n - 1], width, 3, stride=2))
        for low, high in zip(reversed(widths[1:]), reversed(widths[:-1])):
            self.up.append(conv(low, high, 1))
            self.fuse.append(conv(2 * high, high, 3))
        self.head = nn.Conv2d(widths[0], classes, 1)

    def forward(self, x):
        kept = []
        x = self.block[0](self.stem(x))
        for down, block in zip(self.down, self.block[1:]):
            kept.append(x)
            x = block(down(x))
        for up, fuse in zip(self.up, self.fuse):
            x = training.double(up(x))
            x = fuse(torch.cat((x, kept.pop()), 1))
        return training.double(self.head(x))


def phantoms(folder):
    """As pictures.load (): what `sagitta-cli phantom --kind dx-chest` wrote into the subfolders."""
    import pydicom
    cases = []
    for name in sorted(os.listdir(folder)):
        pixels = pydicom.dcmread(os.path.join(folder, name, 'dx', 'dx-0001.dcm')).pixel_array.astype(np.float32)
        truth = np.asarray(Image.open(os.path.join(folder, name, 'truth', 'dx-0001.png')).convert('L'), np.float32)
        step = pixels.shape[0] // pictures.SIZE
        small = [a.reshape(pictures.SIZE, step, pictures.SIZE, step).mean((1, 3)) for a in (pixels, truth)]
        cases.append(('phantom-' + name, small[0] / small[0].max() * 255, (small[1] > 127).astype(np.uint8)))
    return cases


def main():
    parser = training.arguments(__doc__, steps=600, batch=8)
    parser.add_argument('--phantoms', help='folder of what `sagitta-cli phantom --kind dx-chest` wrote, for training')
    args = parser.parse_args()
    args.script, args.name = __file__, 'lungs-cxr'
    training.start(args)
    cases = pictures.load(args.data)
    part = training.split(c[0].split('_')[1] for c in cases)
    sets = {'train': [], 'validation': [], 'test': []}
    for case in cases:
        sets[part[case[0].split('_')[1]]].append(case)
    sets['train'] += phantoms(args.phantoms) if args.phantoms else []
    print({k: len(v) for k, v in sets.items()}, flush=True)

    def sample(random, step):
        size = 256 if step >= 0.7 * args.steps else 192
        return pictures.sample(random, sets['train'], args.batch, size, zoom=(0.7, 1.3), turn=12, invert=0.08,
                               opaque=0.25 if args.start else 0.0)

    def finish(net):
        normal = {k: [pictures.as_case(c) for c in sets[k]] for k in ('validation', 'test')}
        training.report(args, training.mirrored(args, net, 3), (1, 1, 256, 256), normal, lambda n, x: n(x), 5)

    training.run(args, Lungs, sample, finish)


if __name__ == '__main__':
    main()
