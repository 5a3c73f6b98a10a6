#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What compression makes of a shipped model, measured by Sagitta alone: a table for README.md.

    plugins/training/table.py --cli build/app/cli/sagitta-cli --model org.sagitta.lungs-cxr
        --images DIR --masks DIR [--cases FILE] --calibrate DIR [--prune 0.2] [--low-rank 0.97]
        [--row NAME=NET.onnx ...] [--teacher NET.onnx]

Rows: the teacher, which is the shipped network at FP32 unless --teacher names another; what --row names (made by
train.py); pruned and of low rank without refinement; INT8 with dynamic and with static ranges, INT4; of low rank,
stored at INT8 and at INT4, with static ranges. --calibrate: the folder examples/ that train.py wrote. Every row is
timed in each of --rounds rounds, in turn, and the least time counts, as the machine is not quiet.
"""
import argparse
import json
import os
import shutil
import subprocess
import tempfile


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ('cli', 'model', 'images', 'masks', 'calibrate'):
        parser.add_argument('--' + name, required=True)
    parser.add_argument('--cases')
    parser.add_argument('--map')
    parser.add_argument('--prune', type=float, default=0.2)
    parser.add_argument('--low-rank', type=float, default=0.97)
    parser.add_argument('--teacher')
    parser.add_argument('--row', action='append', default=[], help='NAME=NET.onnx')
    parser.add_argument('--threads', default='1')
    parser.add_argument('--rounds', type=int, default=3)
    args = parser.parse_args()
    folder = tempfile.mkdtemp()
    rows = []

    def run(*argv):
        got = subprocess.run([args.cli, *map(str, argv)], capture_output=True, text=True)
        if got.returncode:
            raise SystemExit(got.stderr)
        return got.stdout

    def add(name, network, precision, *options):
        """A row; with options, of what compress makes of the network."""
        path = os.path.join(folder, f'{len(rows)}.onnx')  # a name without ranges beside it
        if options:
            run('compress', network, '-o', path, *options)
        else:
            shutil.copy(network, path)
        rows.append((name, path, precision))

    def evaluate(path, precision):
        extra = [w for k in ('cases', 'map') if getattr(args, k) for w in ('--' + k, getattr(args, k))]
        return json.loads(run('evaluate', '--model', args.model, '--network', path, '--images', args.images, '--masks',
                              args.masks, '--precision', precision, '--threads', args.threads, '--json', *extra))

    own = next(m for m in json.loads(run('models', '--json'))['models'] if m['id'] == args.model)['network']
    static, low = ('--calibrate', args.calibrate), ('--low-rank', args.low_rank)
    add('teacher', args.teacher or own, 'fp32')
    for text in args.row:
        name, network = text.split('=', 1)
        add(name, network, 'fp32')
        add(name + ', INT8 dynamic', network, 'int8', '--precision', 'int8')
        add(name + ', INT8 static', network, 'int8', '--precision', 'int8', *static)
        add(name + ', INT4', network, 'int4', '--precision', 'int4', *static)
        add(name + ', INT4 stored, INT8 static', network, 'int8', '--precision', 'int4', *static)
    if args.teacher:
        add('shipped', own, 'fp32')
    add(f'pruned {args.prune:g}', own, 'fp32', '--prune', args.prune)
    add(f'low rank {args.low_rank:g}', own, 'fp32', *low)
    add('INT8 dynamic', own, 'int8', '--precision', 'int8')
    add('INT8 static', own, 'int8', '--precision', 'int8', *static)
    add('INT4', own, 'int4', '--precision', 'int4', *static)
    add(f'low rank {args.low_rank:g}, INT8 static', own, 'int8', *low, '--precision', 'int8', *static)
    add(f'low rank {args.low_rank:g}, INT4 stored, INT8 static', own, 'int8', *low, '--precision', 'int4', *static)

    measured = [evaluate(path, precision) for _, path, precision in rows]
    for _ in range(args.rounds - 1):
        for first, (_, path, precision) in zip(measured, rows):
            first['ms_per_case'] = min(first['ms_per_case'], evaluate(path, precision)['ms_per_case'])
    print('| | precision | parameters | file | multiply-adds | ms a case | peak memory | Dice | ECE near the border |')
    print('|---|---|---|---|---|---|---|---|---|')
    for e, (name, path, precision) in zip(measured, rows):
        c = json.loads(run('compress', path, '-o', os.path.join(folder, 'same.onnx'), '--low-rank', 1, '--json'))
        print(f'| {name} | {precision.upper()} | {c["before"]["parameters"] / 1e3:.0f} k | '
              f'{os.path.getsize(path) / 1e3:.0f} kB | {c["before"]["macs"] / 1e6:.0f} M | {e["ms_per_case"]:.1f} | '
              f'{e["peak_bytes"] / 1e6:.1f} MB | {e["mean_dice"]:.4f} | {e["ece"]:.3f} |', flush=True)
    shutil.rmtree(folder)


if __name__ == '__main__':
    main()
