# SPDX-License-Identifier: Apache-2.0
"""What every train.py here shares: arguments, splits, loss, the run with its checkpoint, calibration, export.

A step's data depend on the step's number alone, so a run that was cut off goes on the same way, and the
same machine kind with one thread gives the same weights.
"""
import argparse
import functools
import hashlib
import inspect
import json
import os
import subprocess
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

TEST, VALIDATION = (2, 9, 15), (5, 12)


def arguments(description, steps, batch):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--data', required=True, help='folder with images/ and masks/ (or label maps)')
    parser.add_argument('--work', required=True, help='folder for the checkpoint, the log and the figures')
    parser.add_argument('--steps', type=int, default=steps)
    parser.add_argument('--batch', type=int, default=batch)
    parser.add_argument('--threads', type=int, default=1, help='more than one: not the same bits')
    parser.add_argument('--bf16', action='store_true', help='multiply in bfloat16 if this CPU has AMX: other bits')
    parser.add_argument('--minutes', type=float, default=0, help='stop there and leave a checkpoint')
    parser.add_argument('--start', help='checkpoint of an earlier run whose averaged weights to go on from')
    parser.add_argument('--blend', type=float, default=0, help='share of the weights of --start in the result')
    parser.add_argument('--soup', nargs='+', default=[], help='checkpoints whose mean --blend takes instead of --start')
    parser.add_argument('--seed', type=int, default=7, help='of the random variants of a run')
    parser.add_argument('--rate', type=float, default=0, help='largest step (default: the one of a whole run)')
    parser.add_argument('--from', dest='network', help='an .onnx file to refine instead of training anew')
    parser.add_argument('--prune', type=float, help='refine after `sagitta-cli compress --prune`')
    parser.add_argument('--low-rank', type=float, help='refine after `sagitta-cli compress --low-rank`')
    parser.add_argument('--distill', metavar='TEACHER', help='.onnx file whose soft answers are half the truth')
    parser.add_argument('--student', action='store_true', help='a smaller network (of half the width, unless train.py has another), for --distill')
    parser.add_argument('--single', action='store_true', help='without the mirror image: half the work')
    parser.add_argument('--qat', action='store_true', help='refine with weights and values rounded as INT8 does')
    parser.add_argument('--cli', default='sagitta-cli', help='the sagitta-cli that compresses')
    parser.add_argument('--out', help='where the network goes (default: beside train.py)')
    return parser


def split(patients):
    """{patient: 'train', 'validation' or 'test'}: of the sorted patients, by their number modulo 20."""
    return {p: 'test' if n % 20 in TEST else 'validation' if n % 20 in VALIDATION else 'train'
            for n, p in enumerate(sorted(set(patients)))}


def start(args):
    os.makedirs(args.work, exist_ok=True)
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)


def double(x):
    """Twice as large, between the values linearly: in FP32, as torch 1.13 takes eight times as long in bfloat16."""
    x = x.float() if x.dtype != torch.float32 else x
    return F.interpolate(x, scale_factor=2, mode='bilinear' if x.dim() == 4 else 'trilinear', align_corners=False)


class Mirrored(nn.Module):
    """The mean of the logits of an image and of its mirror image along `axis`."""

    def __init__(self, net, axis):
        super().__init__()
        self.net, self.axis = net, axis

    def forward(self, x):
        one, other = self.net(torch.cat((x, x.flip(self.axis)))).split(1)
        return (one + other.flip(self.axis)) / 2


def mirrored(args, net, axis):
    """What ships; a student, and a network from a file, stay as they are."""
    return net if args.single or args.student or hasattr(net, 'save') else Mirrored(net, axis).eval()


# ---- loss ----

def loss_of(logits, label, dice_weight=0.5, smooth=20):
    """Cross entropy, and one minus the Dice of every class but the background, image by image. Of a structure of
    fewer voxels than `smooth` the Dice hardly counts."""
    entropy = F.cross_entropy(logits, label)
    classes = logits.shape[1]
    probability = logits.softmax(1).flatten(2)[:, 1:]
    truth = F.one_hot(label.flatten(1), classes).transpose(1, 2)[:, 1:].to(probability.dtype)
    both = (probability * truth).sum(2)
    dice = (2 * both + smooth) / (probability.sum(2) + truth.sum(2) + smooth)
    return entropy + dice_weight * (1 - dice).mean()


# ---- the run ----

def save(path, state):
    torch.save(state, path + '.new')
    os.replace(path + '.new', path)


def weights_of(path):
    state = torch.load(path)
    return {**state['net'], **state['average']}


def averaged(make, net, average):
    copy = make()
    copy.load_state_dict({k: average.get(k, v) for k, v in net.state_dict().items()})
    return copy.eval()


def reads_file(args):
    """Whether a network from a file is run in training, whose graph may be fixed to the size it was exported for."""
    return bool(args.network or args.prune or args.low_rank or args.qat or args.distill)


def narrow(make):
    """The same network with half the channels everywhere."""
    widths = inspect.signature(make).parameters['widths'].default
    return functools.partial(make, widths=tuple(w // 2 for w in widths))


def refined(args, make):
    """How the network is made if it is a file's, compressed first if that is asked for; else `make`."""
    if not (args.network or args.prune or args.low_rank or args.qat):
        return make
    from network import OnnxNet
    path = args.network or os.path.join(os.path.dirname(os.path.abspath(args.script)), args.name + '.onnx')
    if args.prune or args.low_rank:
        small = os.path.join(args.work, 'compressed.onnx')
        command = [args.cli, 'compress', path, '-o', small]
        command += ['--prune', str(args.prune)] if args.prune else []
        command += ['--low-rank', str(args.low_rank)] if args.low_rank else []
        subprocess.run(command, check=True)
        path = small
    args.rate = args.rate or 1e-3
    return lambda: OnnxNet(path, args.qat)


def multiply_in_bf16(args, net):
    """Whether a step runs under autocast: convolutions and products in bfloat16, where AMX makes them several times
    faster, but losses, scans, norms and averages in FP32."""
    with open('/proc/cpuinfo') as file:
        able = 'amx_bf16' in file.read()
    if args.bf16 and not able:
        print('this CPU has no AMX: FP32', flush=True)
    for module in net.modules():
        if isinstance(module, nn.LayerNorm):  # of one type in torch 1.13
            module.register_forward_pre_hook(lambda module, inputs: tuple(x.float() for x in inputs))
    return args.bf16 and able


def run(args, make, sample, finish, rate=4e-3, loss=loss_of, memory_format=torch.channels_last, weight_decay=1e-3,
        student=None):
    """Trains make () on sample (random, step) -> images, labels; calls finish (averaged net) at the end. --student
    makes it student (), or make () of half the width."""
    make, teacher = refined(args, (student or narrow(make)) if args.student else make), None
    net = make().to(memory_format=memory_format)
    print(sum(p.numel() for p in net.parameters()), 'parameters', flush=True)
    bf16 = multiply_in_bf16(args, net)
    if args.distill:
        from network import OnnxNet, distilled
        loss, teacher = distilled(loss, OnnxNet(args.distill).eval(), bf16), True
    rate = args.rate or rate
    first = {}
    if args.start:
        first = weights_of(args.start)
        net.load_state_dict(first)
    optimiser = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=args.steps, pct_start=0.15)
    checkpoint = os.path.join(args.work, 'checkpoint.pt')
    step, average = 0, {}
    if os.path.exists(checkpoint):
        state = torch.load(checkpoint)
        net.load_state_dict(state['net'])
        optimiser.load_state_dict(state['optimiser'])
        schedule.load_state_dict(state['schedule'])
        step, average = state['step'], state['average']

    def keep():
        save(checkpoint, {'net': net.state_dict(), 'optimiser': optimiser.state_dict(),
                          'schedule': schedule.state_dict(), 'step': step, 'average': average})

    started, total, count = time.time(), 0.0, 0
    while step < args.steps:
        image, label = sample(np.random.default_rng((args.seed, step)), step)
        net.train()
        optimiser.zero_grad()
        with torch.autocast('cpu', torch.bfloat16, enabled=bf16):
            logits = net(image.contiguous(memory_format=memory_format))
        logits = logits.float()
        value = loss(logits, label, image) if teacher else loss(logits, label)
        value.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        step += 1
        share = min(0.995, step / (step + 20))
        for key, tensor in net.state_dict().items():
            if tensor.dtype.is_floating_point:
                average[key] = tensor.clone() if key not in average else average[key] * share + tensor * (1 - share)
        total, count = total + value.item(), count + 1
        if count == 25:
            print(f'step {step} loss {total / count:.4f} {time.time() - started:.0f} s', flush=True)
            total, count = 0.0, 0
        if step % 200 == 0:
            keep()
        if args.minutes and time.time() - started > 60 * args.minutes:
            break
    keep()
    if args.blend:  # often better than either (Wortsman et al. 2022, robust fine-tuning)
        kept = [weights_of(path) for path in args.soup] or [first]
        first = {k: sum(w[k] for w in kept) / len(kept) for k in average}
        average = {k: args.blend * first[k] + (1 - args.blend) * t for k, t in average.items()}
    finish(averaged(make, net, average))


# ---- confidence ----

def border(label, distance):
    """Where a voxel of another label is within `distance` voxels (a cube); label [n, ...]."""
    pool = F.max_pool2d if label.dim() == 3 else F.max_pool3d
    x = label.float()[:, None]
    size = 2 * distance + 1
    return (pool(x, size, 1, distance) != -pool(-x, size, 1, distance))[:, 0]


def calibration(logits, label, temperature, bins=15):
    """(expected calibration error, Brier score, rows of confidence, accuracy, share) of logits [n, classes]."""
    probability = (logits / temperature).softmax(1)
    truth = F.one_hot(label, logits.shape[1])
    brier = (probability - truth).square().sum(1).mean().item()
    confidence, guess = probability.max(1)
    right = (guess == label).float()
    rows = []
    for b in range(bins):
        inside = (confidence > b / bins) & (confidence <= (b + 1) / bins)
        if inside.any():
            rows.append((confidence[inside].mean().item(), right[inside].mean().item(), inside.float().mean().item()))
    return sum(n * abs(c - a) for c, a, n in rows), brier, rows


def fit_temperature(logits, label):
    """The temperature with the smallest cross entropy, of 151 between 0.4 and 8."""
    candidates = np.exp(np.linspace(np.log(0.4), np.log(8.0), 151))
    losses = [F.cross_entropy(logits / float(t), label).item() for t in candidates]
    return float(candidates[int(np.argmin(losses))])


def near_border(predictions, distance):
    """Logits and labels near the borders of [(logits [1, classes, ...], label [1, ...])], for calibration."""
    logits, labels = [], []
    for l, y in predictions:
        inside = border(y, distance)
        logits.append(l.movedim(1, -1)[inside])
        labels.append(y[inside])
    return torch.cat(logits), torch.cat(labels)


def dice_of(guess, label, value):
    g, t = guess == value, label == value
    total = (g.sum() + t.sum()).item()
    return 1.0 if total == 0 else 2 * (g & t).sum().item() / total


# ---- export ----

def export(net, path, shape, opset=17):
    """Writes the ONNX file and returns its SHA-256."""
    if hasattr(net, 'save'):  # a file's network keeps its graph
        net.save(path)
    else:
        export_module(net, path, shape, opset)
    with open(path, 'rb') as file:
        return hashlib.sha256(file.read()).hexdigest()


def export_module(net, path, shape, opset):
    torch.onnx.export(net.eval(), torch.zeros(shape), path + '.new', opset_version=opset, input_names=['image'],
                      output_names=['logits'], do_constant_folding=True, custom_opsets={'sagitta': 1})
    os.replace(path + '.new', path)


def report(args, net, shape, sets, predict, distance):
    """Temperature from the validation cases, figures of the test cases, the network; all to figures.json.

    sets: {'validation': cases, 'test': cases}, each case (name, image, label); predict (net, image) gives logits."""
    outputs = {}
    for name, cases in sets.items():
        with torch.no_grad():
            outputs[name] = [(case, predict(net, image), label) for case, image, label in cases]
    examples = os.path.join(args.work, 'examples')  # for sagitta-cli calibrate
    os.makedirs(examples, exist_ok=True)
    for case, image, _ in sets['validation'][::max(1, len(sets['validation']) // 8)][:8]:
        spare = [((want - have) // 2, (want - have + 1) // 2) for want, have in zip(shape, image.shape)]
        np.save(os.path.join(examples, case + '.npy'), np.pad(image.numpy(), spare, 'symmetric'))
    temperature = fit_temperature(*near_border([o[1:] for o in outputs['validation']], distance))
    figures = {'temperature': temperature}
    for name, rows in outputs.items():
        values = range(1, rows[0][1].shape[1])
        cases = {c: [dice_of(l.argmax(1), y, v) for v in values] for c, l, y in rows}
        dice = np.array(list(cases.values()))
        near = near_border([o[1:] for o in rows], distance)
        before, after = calibration(*near, 1.0), calibration(*near, temperature)
        figures[name] = {'n': len(cases), 'dice': dice.mean(0).tolist(), 'dice_mean': float(dice.mean()),
                         'iou_mean': float((dice / (2 - dice)).mean()),
                         'dice_worst': float(dice.mean(1).min()), 'ece': [before[0], after[0]],
                         'brier': [before[1], after[1]], 'reliability': after[2], 'reliability_before': before[2]}
        figures[name]['cases'] = cases
    out = args.out or os.path.join(os.path.dirname(os.path.abspath(args.script)), args.name + '.onnx')
    figures['sha256'] = export(net, out, shape)
    with open(os.path.join(args.work, 'figures.json'), 'w') as file:
        json.dump(figures, file, indent=1)
    for name in sets:
        with open(os.path.join(args.work, name + '.txt'), 'w') as file:  # for sagitta-cli evaluate --cases
            file.writelines(case + '\n' for case in figures[name]['cases'])
        f = figures[name]
        print(name, f['n'], 'cases: dice', [round(d, 4) for d in f['dice']], 'iou', round(f['iou_mean'], 4), 'worst',
              round(f['dice_worst'], 4), 'ece', [round(e, 4) for e in f['ece']], flush=True)
    print(json.dumps({'temperature': temperature, 'sha256': figures['sha256']}), flush=True)
    return figures
