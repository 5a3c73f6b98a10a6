#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The lungs-ct network: data, training, calibration and export.

    train.py --cli build/app/cli/sagitta-cli --real FOLDER --work FOLDER [--steps N] [--threads N]

Data are phantoms of ours (`sagitta-cli phantom --random`, seeds 1000.. for training, 9000.. held back for
the temperature) and, with --real, the CT example of TotalSegmentator (Apache-2.0) with the lobes that its
authors' model found. Everything is seeded. The work folder holds the cache of slices and the checkpoint; a
run that was cut off goes on from there. Needs Debian's python3-torch, python3-numpy and python3-onnx.
"""
import argparse
import gzip
import hashlib
import json
import os
import struct
import subprocess
import sys
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

CLIP = (-1000.0, 500.0)
MEAN, STD = -400.0, 500.0
SPACING = 2.0
PATCH = 256
FIRST_SEED, HELD_BACK_SEED = 1000, 9000
SLICES = 24
WIDTHS = (8, 16, 32, 48, 64, 80)


# ---- network ----

def block(inputs, outputs):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class Lungs(nn.Module):
    """A U-Net of six levels: the lowest sees the whole patient, which is what tells left from right."""

    def __init__(self, widths=WIDTHS, classes=3):
        super().__init__()
        self.down = nn.ModuleList()
        previous = 1
        for w in widths:
            self.down.append(nn.Sequential(block(previous, w), block(w, w)))
            previous = w
        self.bottom = block(previous, previous)
        self.narrow = nn.ModuleList()
        self.up = nn.ModuleList()
        for low, high in zip(reversed(widths[1:]), reversed(widths[:-1])):
            self.narrow.append(nn.Conv2d(low, high, 1))
            self.up.append(block(2 * high, high))
        self.head = nn.Conv2d(widths[0], classes, 1)

    def forward(self, x):
        kept = []
        for level, down in enumerate(self.down):
            if level > 0:
                x = F.max_pool2d(x, 2)
            x = down(x)
            kept.append(x)
        x = self.bottom(x)
        for narrow, up, skip in zip(self.narrow, self.up, reversed(kept[:-1])):
            x = F.interpolate(narrow(x), scale_factor=2, mode='nearest')
            x = up(torch.cat((x, skip), 1))
        return self.head(x)


# ---- data ----

def read_nifti(path):
    """Voxels [k, j, i] in LPS order and the spacing; enough of NIfTI-1 for what is read here."""
    opener = gzip.open if path.endswith('.gz') else open
    with opener(path, 'rb') as file:
        data = file.read()
    dims = struct.unpack('<8h', data[40:56])
    kind = struct.unpack('<h', data[70:72])[0]
    spacing = struct.unpack('<8f', data[76:108])[1:4]
    start, slope, intercept = struct.unpack('<3f', data[108:120])
    dtype = {2: '<u1', 4: '<i2', 8: '<i4', 16: '<f4', 64: '<f8', 512: '<u2', 256: 'i1'}[kind]
    count = dims[1] * dims[2] * dims[3]
    voxels = np.frombuffer(data, dtype, count, int(start)).reshape(dims[3], dims[2], dims[1])
    if slope not in (0.0, 1.0) or intercept != 0.0:
        voxels = voxels * (slope or 1.0) + intercept
    rows = np.array(struct.unpack('<12f', data[280:328])).reshape(3, 4)
    for axis in range(3):  # NIfTI is RAS: x and y of LPS have the other sign
        if (rows[axis, axis] > 0) == (axis < 2):
            voxels = np.flip(voxels, 2 - axis)
    return voxels, spacing


def phantom(cli, seed, folder):
    subprocess.run([cli, 'phantom', folder, '--random', '--seed', str(seed), '--size', f'{PATCH}x{PATCH}x{SLICES}',
                    '--format', 'nifti'], check=True, stdout=subprocess.DEVNULL)
    image, spacing = read_nifti(os.path.join(folder, 'ct.nii.gz'))
    truth, _ = read_nifti(os.path.join(folder, 'truth.nii.gz'))
    return image, truth, spacing


def load_set(args, name, first, count):
    """(images i16 [n, 256, 256], labels u8, mm per pixel [n]) of `count` phantoms, kept in the work folder."""
    path = os.path.join(args.work, f'{name}-{first}-{count}.npz')
    if not os.path.exists(path):
        images, labels, spacings = [], [], []
        for seed in range(first, first + count):
            image, truth, spacing = phantom(args.cli, seed, os.path.join(args.work, 'phantom'))
            images.append(image.astype(np.int16))
            labels.append(np.where(truth <= 2, truth, 0).astype(np.uint8))
            spacings += [spacing[0]] * len(image)
        np.savez(path + '.new.npz', images=np.concatenate(images), labels=np.concatenate(labels),
                 spacings=np.array(spacings, np.float32))
        os.replace(path + '.new.npz', path)
    data = np.load(path)
    return data['images'], data['labels'], data['spacings']


def load_real(folder):
    image, spacing = read_nifti(os.path.join(folder, 'example_ct.nii.gz'))
    truth, _ = read_nifti(os.path.join(folder, 'example_seg_fast_force_split.nii.gz'))
    labels = np.where((truth == 10) | (truth == 11), 1, np.where((truth >= 12) & (truth <= 14), 2, 0))
    n, height, width = image.shape
    images = np.full((n, PATCH, PATCH), -1024, np.int16)
    padded = np.zeros((n, PATCH, PATCH), np.uint8)
    j, i = (PATCH - height) // 2, (PATCH - width) // 2
    images[:, j:j + height, i:i + width] = np.clip(image, -3024, 3071)
    padded[:, j:j + height, i:i + width] = labels
    return images, padded, np.full(n, spacing[0], np.float32)


# ---- augmentation ----

def sample(random, sets, weights, batch, size):
    """One batch: images [n, 1, size, size] normalised, labels [n, size, size]."""
    raw = np.empty((batch, 2, PATCH, PATCH), np.float32)
    theta = np.empty((batch, 2, 3), np.float32)
    swap = np.zeros(batch, bool)
    for b in range(batch):
        images, labels, spacings = sets[random.choice(len(sets), p=weights)]
        n = random.integers(len(images))
        raw[b, 0] = images[n]
        raw[b, 0] += 1024.0
        raw[b, 1] = labels[n]
        zoom = SPACING / spacings[n] * size / PATCH * random.uniform(0.80, 1.20)
        aspect = np.exp(random.normal(0, 0.07))
        angle = np.deg2rad(random.normal(0, 6))
        sx, sy = zoom * aspect, zoom / aspect
        swap[b] = random.random() < 0.3
        if swap[b]:
            sx = -sx
        if random.random() < 0.04:
            sy = -sy
        c, s = np.cos(angle), np.sin(angle)
        shift = random.normal(0, 12, 2) * 2 / (spacings[n] * PATCH)
        theta[b] = [[c * sx, -s * sy, shift[0]], [s * sx, c * sy, shift[1]]]
    grid = F.affine_grid(torch.from_numpy(theta), (batch, 1, size, size), align_corners=False)
    bend = random.normal(0, 1, (batch, 2, 6, 6)).astype(np.float32)
    bend *= (random.random((batch, 1, 1, 1)) * 0.030).astype(np.float32)
    grid = grid + F.interpolate(torch.from_numpy(bend), (size, size), mode='bicubic',
                                align_corners=True).permute(0, 2, 3, 1)
    both = torch.from_numpy(raw)
    image = F.grid_sample(both[:, :1], grid, mode='bilinear', align_corners=False) - 1024.0
    label = F.grid_sample(both[:, 1:], grid, mode='nearest', align_corners=False)[:, 0].round().long()
    for b in np.flatnonzero(swap):
        label[b] = torch.where(label[b] > 0, 3 - label[b], label[b])

    image = image.numpy()
    for b in range(batch):
        picture = image[b, 0]
        if random.random() < 0.5:
            picture *= random.uniform(0.94, 1.06)
            picture += random.normal(0, 15)
        if random.random() < 0.35:  # denser or emptier lungs, other kernels of tissue: a bent HU scale
            knots = np.array([-1000, -850, -500, -100, 0, 100, 500], np.float32)
            picture[:] = np.interp(picture, np.concatenate(([-4000], knots, [4000])),
                                   np.concatenate(([-4000], knots + random.normal(0, 1, 7)
                                                   * (15, 45, 80, 35, 25, 35, 60), [4000])))
        if random.random() < 0.3:
            field = random.normal(0, 30, (1, 1, 4, 4)).astype(np.float32)
            picture += F.interpolate(torch.from_numpy(field), (size, size), mode='bicubic',
                                     align_corners=True)[0, 0].numpy()
        if random.random() < 0.6:
            coarse = random.random() < 0.4
            noise = random.normal(0, 1, (size // 2, size // 2) if coarse else (size, size)).astype(np.float32)
            if coarse:
                noise = np.repeat(np.repeat(noise, 2, 0), 2, 1)
            picture += noise * random.uniform(3, 60) * random.random()
        if random.random() < 0.2:  # metal, clothes, lines: short bright or dark bars
            for _ in range(random.integers(1, 4)):
                j, i = random.integers(0, size, 2)
                h, w = random.integers(2, 24, 2)
                picture[j:j + h, i:i + w] = random.choice((-1000, -700, -100, 60, 500, 1500))
    image = np.clip(image, *CLIP)
    if random.random() < 0.25:
        kernel = torch.tensor([random.uniform(0.05, 0.3)])
        kernel = torch.stack((kernel, 1 - 2 * kernel, kernel)).reshape(1, 1, 1, 3)
        image = F.conv2d(torch.from_numpy(image), kernel, padding=(0, 1))
        image = F.conv2d(image, kernel.transpose(2, 3), padding=(1, 0)).numpy()
    return torch.from_numpy((image - np.float32(MEAN)) / np.float32(STD)), label


def loss_of(logits, label):
    entropy = F.cross_entropy(logits, label)
    probability = logits.softmax(1)
    truth = F.one_hot(label, 3).permute(0, 3, 1, 2).float()
    axes = (0, 2, 3)
    both = (probability * truth).sum(axes)
    dice = (2 * both + 50) / (probability.sum(axes) + truth.sum(axes) + 50)
    return entropy + 0.5 * (1 - dice[1:].mean())


# ---- validation: the slices as the program sees them ----

def resampled(images, labels, spacings):
    for start in range(0, len(images), 16):
        raw = np.stack((images[start:start + 16].astype(np.float32) + 1024.0,
                        labels[start:start + 16].astype(np.float32)), 1)
        n = len(raw)
        theta = np.zeros((n, 2, 3), np.float32)
        theta[:, 0, 0] = theta[:, 1, 1] = SPACING / spacings[start:start + 16]
        grid = F.affine_grid(torch.from_numpy(theta), (n, 1, PATCH, PATCH), align_corners=False)
        both = torch.from_numpy(raw)
        image = F.grid_sample(both[:, :1], grid, align_corners=False) - 1024.0
        label = F.grid_sample(both[:, 1:], grid, mode='nearest', align_corners=False)[:, 0].round().long()
        yield (image.clamp(*CLIP) - MEAN) / STD, label


def validate(net, data):
    """Dice of each lung over all slices of each phantom, and logits near the lungs for the temperature."""
    net.eval()
    counts = np.zeros((len(data[0]), 2, 3))
    kept_logits, kept_labels = [], []
    index = 0
    with torch.no_grad():
        for image, label in resampled(*data):
            logits = net(image)
            guess = logits.argmax(1)
            for value in (1, 2):
                g, t = guess == value, label == value
                counts[index:index + len(image), value - 1] = torch.stack(
                    ((g & t).sum((1, 2)), g.sum((1, 2)), t.sum((1, 2))), 1).numpy()
            near = F.max_pool2d((label > 0).float()[:, None], 9, 1, 4)[:, 0]
            far = F.max_pool2d((label == 0).float()[:, None], 9, 1, 4)[:, 0]
            border = (near * far) > 0
            kept_logits.append(logits.permute(0, 2, 3, 1)[border][::7])
            kept_labels.append(label[border][::7])
            index += len(image)
    cases = counts.reshape(-1, SLICES, 2, 3).sum(1)
    dice = 2 * cases[..., 0] / np.maximum(cases[..., 1] + cases[..., 2], 1)
    return dice, torch.cat(kept_logits), torch.cat(kept_labels)


def calibration_error(logits, labels, temperature, bins=15):
    probability, guess = (logits / temperature).softmax(1).max(1)
    right = (guess == labels).float()
    total = 0.0
    for b in range(bins):
        inside = (probability > b / bins) & (probability <= (b + 1) / bins)
        if inside.any():
            total += inside.float().mean().item() * abs(probability[inside].mean() - right[inside].mean()).item()
    return total


def fit_temperature(logits, labels):
    candidates = np.exp(np.linspace(np.log(0.4), np.log(4.0), 121))
    losses = [F.cross_entropy(logits / float(t), labels).item() for t in candidates]
    return float(candidates[int(np.argmin(losses))])


# ---- the run ----

def save(path, state):
    torch.save(state, path + '.new')
    os.replace(path + '.new', path)


def export(net, path):
    net.eval()
    torch.onnx.export(net, torch.zeros(1, 1, PATCH, PATCH), path + '.new', opset_version=13,
                      input_names=['image'], output_names=['logits'],
                      dynamic_axes={'image': {0: 'n'}, 'logits': {0: 'n'}}, do_constant_folding=True)
    os.replace(path + '.new', path)
    with open(path, 'rb') as file:
        return hashlib.sha256(file.read()).hexdigest()


def averaged(net, average):
    copy = Lungs()
    copy.load_state_dict({k: average.get(k, v) for k, v in net.state_dict().items()})
    return copy


def finish(net, average, held_back, out):
    copy = averaged(net, average)
    dice, logits, labels = validate(copy, held_back)
    temperature = fit_temperature(logits, labels)
    figures = {
        'dice_mean': float(dice[dice > 0].mean()), 'dice_worst': float(dice[dice > 0].min()),
        'temperature': temperature, 'ece_before': calibration_error(logits, labels, 1.0),
        'ece_after': calibration_error(logits, labels, temperature), 'sha256': export(copy, out),
    }
    print(json.dumps(figures), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--cli', default='sagitta-cli', help='sagitta-cli, to make the phantoms')
    parser.add_argument('--real', help='folder of the TotalSegmentator example')
    parser.add_argument('--work', required=True, help='folder for the cache and the checkpoint')
    parser.add_argument('--variants', type=int, default=480)
    parser.add_argument('--held-back', type=int, default=24)
    parser.add_argument('--steps', type=int, default=1300)
    parser.add_argument('--batch', type=int, default=8)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--out', default=os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lungs-ct.onnx'))
    args = parser.parse_args()

    os.makedirs(args.work, exist_ok=True)
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    net = Lungs().to(memory_format=torch.channels_last)
    print(sum(p.numel() for p in net.parameters()), 'parameters', flush=True)
    optimiser = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=args.steps, pct_start=0.1)

    sets = [load_set(args, 'train', FIRST_SEED, args.variants)]
    held_back = load_set(args, 'held-back', HELD_BACK_SEED, args.held_back)
    weights = [1.0]
    if args.real:
        sets.append(load_real(args.real))
        weights = [0.92, 0.08]

    checkpoint = os.path.join(args.work, 'checkpoint.pt')
    step, average = 0, {}
    if os.path.exists(checkpoint):
        state = torch.load(checkpoint)
        net.load_state_dict(state['net'])
        optimiser.load_state_dict(state['optimiser'])
        schedule.load_state_dict(state['schedule'])
        step, average = state['step'], state['average']

    started, total = time.time(), 0.0
    while step < args.steps:
        # A step's data depend on its number alone, so that a run that was cut off goes on the same way.
        random = np.random.default_rng((7, step))
        size = PATCH if step >= 0.9 * args.steps else 192
        image, label = sample(random, sets, weights, args.batch, size)
        net.train()
        optimiser.zero_grad()
        loss = loss_of(net(image.contiguous(memory_format=torch.channels_last)), label)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        step += 1
        keep = min(0.995, step / (step + 20))
        for key, value in net.state_dict().items():
            if value.dtype.is_floating_point:
                average[key] = value.clone() if key not in average else average[key] * keep + value * (1 - keep)
        total += loss.item()
        if step % 50 == 0:
            print(f'step {step} loss {total / 50:.4f} {(time.time() - started):.0f} s', flush=True)
            total = 0.0
        if step % 400 == 0 or step == args.steps:
            save(checkpoint, {'net': net.state_dict(), 'optimiser': optimiser.state_dict(),
                              'schedule': schedule.state_dict(), 'step': step, 'average': average})
            finish(net, average, held_back, args.out)
    return 0


if __name__ == '__main__':
    sys.exit(main())
