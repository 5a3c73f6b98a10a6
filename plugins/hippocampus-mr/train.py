#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The hippocampus-mr networks: training, calibration and export.

    train.py --data DATA/train/hippocampus-mr --work A
    train.py --data DATA/train/hippocampus-mr --work B --start A/checkpoint.pt --rate 1.5e-3 --steps 160 --blend 0.5
    train.py --data DATA/train/hippocampus-mr --work D --net segformer --bf16 --steps 1100
    train.py --data DATA/train/hippocampus-mr --work E --net segformer --bf16 --start D/checkpoint.pt --seed 9 --rate 3e-3 --steps 900

Data: 220 crops of T1-weighted MR around a hippocampus, 1 mm, with anterior (1) and posterior (2) part: task 4
of the Medical Segmentation Decathlon. One crop is one patient. Needs Debian's python3-torch, python3-nibabel
and python3-onnx; with libopenblas0-pthread it is several times faster.
"""
import os
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'training'))
import scan
import training
import volumes

PATCH = (48, 64, 48)  # x, y, z: holds every crop of the set
TRAIN = (40, 56, 40)


def conv(inputs, outputs, size=3, stride=1):
    return nn.Sequential(nn.Conv3d(inputs, outputs, size, stride, size // 2, bias=False), nn.BatchNorm3d(outputs),
                         nn.ReLU(inplace=True))


class Mamba(nn.Module):
    """A residual vision Mamba layer: four quarters of the channels share one small Mamba; two of them are read
    along x, y, z, two along z, y, x, one of each pair backwards."""

    def __init__(self, width):
        super().__init__()
        self.part, inner = width // 4, width // 2
        self.norm = nn.BatchNorm3d(width)
        self.enter, self.gate = nn.Conv3d(self.part, inner, 1), nn.Conv3d(self.part, inner, 1)
        self.scan = scan.Scan(inner)
        self.leave = nn.Conv3d(inner, self.part, 1)
        self.mix = conv(width, width, 3)

    def forward(self, x):
        size, back = x.shape[2:], x.shape[:1:-1]
        parts = self.norm(x).reshape(-1, self.part, *size)
        inner = F.silu(self.enter(parts))
        gate = F.silu(self.gate(parts))
        width = inner.shape[1]
        four = inner.reshape(-1, 4, width, *size)
        rows, lines = four[:, :2].flatten(3), four[:, 2:].permute(0, 1, 2, 5, 4, 3).flatten(3)
        four = torch.stack((rows[:, 0], rows[:, 1].flip(2), lines[:, 0], lines[:, 1].flip(2)), 1)
        y = self.scan(four.flatten(0, 1).transpose(1, 2)).transpose(1, 2)
        y = y.reshape(-1, 4, width, four.shape[3])
        rows = torch.stack((y[:, 0], y[:, 1].flip(2)), 1).reshape(-1, 2, width, *size)
        lines = torch.stack((y[:, 2], y[:, 3].flip(2)), 1).reshape(-1, 2, width, *back)
        y = torch.cat((rows, lines.permute(0, 1, 2, 5, 4, 3)), 1).flatten(0, 1)
        return self.mix(x + self.leave(y * gate).reshape(-1, 4 * self.part, *size))


class LightM(nn.Module):
    """LightM-UNet: convolutions where there are many voxels, Mamba where there are few."""

    def __init__(self, widths=(12, 24, 48, 96), classes=3):
        super().__init__()
        self.stem = conv(1, widths[0])
        self.down, self.block, self.up, self.fuse = (nn.ModuleList() for _ in range(4))
        for n, (low, high) in enumerate(zip(widths[:-1], widths[1:])):
            self.down.append(conv(low, high, 3, stride=2))
            self.block.append(conv(high, high) if n == 0 else Mamba(high))
            self.up.insert(0, conv(high, low, 1))
            self.fuse.insert(0, conv(low, low) if n < 2 else Mamba(low))
        self.head = nn.Conv3d(widths[0], classes, 1)

    def forward(self, x):
        x = self.stem(x)
        kept = []
        for down, block in zip(self.down, self.block):
            kept.append(x)
            x = block(down(x))
        for up, fuse in zip(self.up, self.fuse):
            x = fuse(training.double(up(x)) + kept.pop())
        return self.head(x)


class Student(LightM):
    """LightM-UNet without its finest level, where most of its time goes: the first convolution reads, and the last
    one writes, two voxels at once along each axis (sub-pixel convolution: Shi et al. 2016). On the way up, the
    coarsest level does not scan. What is left has the teacher's names and shapes, so that its weights are a start."""

    def __init__(self, widths=(24, 48, 96), classes=3):
        super().__init__((widths[0], *widths), classes)
        self.down[0], self.up[-1], self.fuse[-1] = nn.Identity(), nn.Identity(), nn.Identity()
        self.fuse[0] = nn.ModuleDict({'mix': self.fuse[0].mix})
        self.stem = nn.Sequential(nn.Conv3d(1, widths[0], 4, 2, 1, bias=False), nn.BatchNorm3d(widths[0]),
                                  nn.ReLU(inplace=True))
        self.head = nn.ConvTranspose3d(widths[0], classes, 2, 2)

    def features(self, x):
        x = self.stem(x)
        kept = []
        for down, block in zip(self.down, self.block):
            kept.append(x)
            x = block(down(x))
        x = self.fuse[0]['mix'](training.double(self.up[0](x)) + kept.pop())
        return self.fuse[1](training.double(self.up[1](x)) + kept.pop())

    def forward(self, x):
        return self.head(self.features(x))

    @torch.no_grad()
    def follow(self, teacher, x):
        """Takes the teacher's weights, and, by least squares on the images x, those of the first and the last
        convolution with which it comes nearest to the teacher. From weights at random, labels that are rare in an
        image die out at once and never come back."""
        own = self.state_dict()
        given = {k: v for k, v in teacher.state_dict().items() if k in own and v.shape == own[k].shape}
        self.load_state_dict({**own, **given})
        filter, norm = self.stem[0], self.stem[1]
        seen = F.pad(x, (1,) * 6).unfold(2, 4, 2).unfold(3, 4, 2).unfold(4, 4, 2).reshape(-1, 64).double()
        wanted = teacher.down[0][1](teacher.down[0][0](teacher.stem(x))).movedim(1, -1).flatten(0, 3).double()
        weights, bias = least_squares(seen, wanted)
        answers = seen @ weights
        filter.weight.copy_(weights.T.reshape(filter.weight.shape))
        norm.running_mean.copy_(answers.mean(0))
        norm.running_var.copy_(answers.var(0))
        norm.weight.copy_((answers.var(0) + norm.eps).sqrt())
        norm.bias.copy_(answers.mean(0) + bias)
        width, classes = self.head.weight.shape[:2]
        n, _, *size = x.shape
        eight = [v for s in size for v in (s // 2, 2)]
        wanted = teacher(x).reshape(n, classes, *eight).permute(0, 2, 4, 6, 1, 3, 5, 7).reshape(-1, 8 * classes)
        wanted = wanted.double().clamp(-8, 8)
        near = (wanted[:, 8:].amax(1) > -4).double() + 0.02  # by the structures most
        weights, bias = least_squares(self.features(x).movedim(1, -1).flatten(0, 3).double(), wanted, near)
        self.head.weight.copy_(weights.reshape(self.head.weight.shape))
        self.head.bias.copy_(bias.reshape(classes, 8).mean(1))


def least_squares(inputs, outputs, weight=None):
    """(weights, constant) with which `inputs` [rows, n] best give `outputs` [rows, m]."""
    rows = torch.cat((inputs, inputs.new_ones(len(inputs), 1)), 1)
    weighed = rows if weight is None else rows * weight[:, None]
    both = torch.linalg.solve(weighed.T @ rows + 1e-3 * torch.eye(rows.shape[1]).double(), weighed.T @ outputs)
    return both[:-1], both[-1]


class Attention(nn.Module):
    """Attention whose keys and values come from a grid `shrink` times coarser."""

    def __init__(self, width, heads, shrink):
        super().__init__()
        self.heads, self.shrink = heads, shrink
        self.norm = nn.LayerNorm(width)
        self.ask, self.answer, self.leave = nn.Linear(width, width), nn.Linear(width, 2 * width), nn.Linear(width, width)
        if shrink > 1:
            self.reduce = nn.Conv3d(width, width, shrink, shrink)
            self.norm_reduced = nn.LayerNorm(width)

    def forward(self, x, size):
        batch, n, width = x.shape
        y = self.norm(x)
        q = self.ask(y).reshape(batch, n, self.heads, width // self.heads).transpose(1, 2)
        if self.shrink > 1:
            y = self.reduce(y.transpose(1, 2).reshape(batch, width, *size)).flatten(2).transpose(1, 2)
            y = self.norm_reduced(y)
        k, v = self.answer(y).reshape(batch, -1, 2, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        weights = (q * (width // self.heads) ** -0.5 @ k.transpose(2, 3)).softmax(3)
        return x + self.leave((weights @ v).transpose(1, 2).reshape(batch, n, width))


class Stage(nn.Module):
    def __init__(self, inputs, width, heads, shrink, depth):
        super().__init__()
        self.embed, self.norm = nn.Conv3d(inputs, width, 3, 2, 1), nn.LayerNorm(width)
        self.attend = nn.ModuleList([Attention(width, heads, shrink) for _ in range(depth)])
        self.feed = nn.ModuleList([nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.GELU(),
                                                 nn.Linear(3 * width, width)) for _ in range(depth)])

    def forward(self, x):
        x = self.embed(x)
        size = x.shape[2:]
        tokens = self.norm(x.flatten(2).transpose(1, 2))
        for attend, feed in zip(self.attend, self.feed):
            tokens = attend(tokens, size)
            tokens = tokens + feed(tokens)
        return tokens.transpose(1, 2).reshape(-1, x.shape[1], *size)


class SegFormer(nn.Module):
    """SegFormer3D with patches of two voxels, as a hippocampus is small, and the image itself beside the last
    features."""

    def __init__(self, widths=(24, 48, 96), classes=3):
        super().__init__()
        self.stage = nn.ModuleList([Stage(1, widths[0], 2, 4, 1), Stage(widths[0], widths[1], 3, 2, 2),
                                    Stage(widths[1], widths[2], 4, 1, 2)])
        self.narrow = nn.ModuleList([nn.Conv3d(w, 24, 1) for w in widths])
        self.fuse = conv(24, 24)
        self.edge = conv(1, 12)
        self.join = conv(24, 12, 1)
        self.last = conv(12, 12)
        self.head = nn.Conv3d(12, classes, 1)

    def forward(self, image):
        a = self.stage[0](image)
        b = self.stage[1](a)
        c = self.stage[2](b)
        y = self.narrow[0](a) + training.double(self.narrow[1](b) + training.double(self.narrow[2](c)))
        return self.head(self.last(training.double(self.join(self.fuse(y))) + self.edge(image)))


def begun(args, cases):
    """The checkpoint that a student starts from: --start itself, or what follows the teacher that it holds."""
    held = training.weights_of(args.start)
    if held.keys() == Student().state_dict().keys():
        return args.start
    teacher, net = LightM(), Student()
    teacher.load_state_dict(held)
    net.eval().follow(teacher.eval(), volumes.sample(np.random.default_rng(1), cases, 6, PATCH, 3)[0])
    path = os.path.join(args.work, 'start.pt')
    training.save(path, {'net': net.state_dict(), 'average': {}})
    return path


def main():
    parser = training.arguments(__doc__, steps=500, batch=4)
    parser.add_argument('--net', choices=('mamba', 'segformer'), default='mamba')
    args = parser.parse_args()
    make, args.name = {'mamba': (LightM, 'hippocampus-mr'), 'segformer': (SegFormer, 'hippocampus-mr-segformer')}[args.net]
    args.script = __file__
    training.start(args)
    cases = volumes.load(args.data)
    part = training.split(c[0] for c in cases)
    sets = {'train': [], 'validation': [], 'test': []}
    for case in cases:
        sets[part[case[0]]].append(case)
    print({k: len(v) for k, v in sets.items()}, flush=True)

    def sample(random, step):
        size = PATCH if training.reads_file(args) else TRAIN  # a file's graph has its size in it
        return volumes.sample(random, sets['train'], args.batch, size, 3)

    def finish(net):
        if args.net == 'segformer':  # to the scans a mirror image says nothing new
            net = training.mirrored(args, net, 2)
        training.report(args, net, (1, 1, *PATCH), {k: [volumes.as_case(c, PATCH) for c in sets[k]]
                        for k in ('validation', 'test')}, lambda n, x: n(x), 5)

    if args.student and args.net == 'mamba' and args.start:
        args.start = begun(args, sets['train'])
    training.run(args, make, sample, finish, memory_format=torch.contiguous_format,
                 student=Student if args.net == 'mamba' else None)


if __name__ == '__main__':
    main()
