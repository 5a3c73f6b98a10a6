#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What compression makes of a shipped model, measured by Sagitta alone: the table of its card.

    plugins/training/table.py --cli build/app/cli/sagitta-cli --model org.sagitta.lungs-cxr
        --images DIR --masks DIR [--cases FILE] [--calibrate DIR] [--prune 0.2] [--low-rank 0.97]
        [--row NAME=NET.onnx ...] [--teacher NET.onnx]

Rows: the teacher and the model as shipped; pruned and of low rank without refinement; the model at BF16, INT8 and
INT4; what --row names (refined by train.py), at FP32 and INT8. Times are of one run after another on this machine.
"""
import argparse
import json
import os
import subprocess
import tempfile


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ('cli', 'model', 'images', 'masks'):
        parser.add_argument('--' + name, required=True)
    parser.add_argument('--cases')
    parser.add_argument('--map')
    parser.add_argument('--calibrate', help='folder of example inputs for static ranges')
    parser.add_argument('--prune', type=float, default=0.2)
    parser.add_argument('--low-rank', type=float, default=0.97)
    parser.add_argument('--teacher')
    parser.add_argument('--row', action='append', default=[], help='NAME=NET.onnx')
    parser.add_argument('--threads', default='1')
    args = parser.parse_args()
    folder = tempfile.mkdtemp()

    def run(*argv):
        got = subprocess.run([args.cli, *map(str, argv)], capture_output=True, text=True)
        if got.returncode:
            raise SystemExit(got.stderr)
        return got.stdout

    models = json.loads(run('models', '--json'))['models']
    card = next(m for m in models if m['id'] == args.model)
    own = card['network']

    def compress(name, *options):
        path = os.path.join(folder, name + '.onnx')
        run('compress', own, '-o', path, *options)
        return path

    def row(name, network, precision, ranges=False):
        if ranges:
            run('calibrate', network, '--inputs', args.calibrate)
        extra = [w for k in ('cases', 'map') if getattr(args, k) for w in ('--' + k, getattr(args, k))]
        e = json.loads(run('evaluate', '--model', args.model, '--network', network, '--images', args.images, '--masks',
                           args.masks, '--precision', precision, '--threads', args.threads, '--json', *extra))
        c = json.loads(run('compress', network, '-o', os.path.join(folder, 'same.onnx'), '--low-rank', 1, '--json'))
        print(f'| {name} | {precision.upper()} | {c["before"]["parameters"] / 1e3:.0f} k | '
              f'{os.path.getsize(network) / 1e3:.0f} kB | {c["before"]["macs"] / 1e6:.0f} M | {e["ms_per_case"]:.0f} | '
              f'{e["peak_bytes"] / 1e6:.1f} MB | {e["mean_dice"]:.4f} | {e["ece"]:.3f} |', flush=True)

    print('| | precision | parameters | file | multiply-adds | ms a case | peak memory | Dice | ECE near the border |')
    print('|---|---|---|---|---|---|---|---|---|')
    if args.teacher:
        row('teacher', args.teacher, 'fp32')
    row('shipped', own, 'fp32')
    row(f'pruned {args.prune:g}', compress('pruned', '--prune', args.prune), 'fp32')
    row(f'low rank {args.low_rank:g}', compress('low', '--low-rank', args.low_rank), 'fp32')
    row('dynamic ranges', own, 'int8')
    stored = compress('int8', '--precision', 'int8')
    row('stored INT8', stored, 'int8')
    if args.calibrate:
        row('static ranges', stored, 'int8', True)
    row('stored INT4', compress('int4', '--precision', 'int4'), 'int4' if 'int4' in card['precisions'] else 'fp32')
    row('low rank, stored INT8', compress('both', '--low-rank', args.low_rank, '--precision', 'int8'), 'int8')
    for text in args.row:
        name, network = text.split('=', 1)
        row(name, network, 'fp32')
        small = os.path.join(folder, 'row.onnx')
        run('compress', network, '-o', small, '--precision', 'int8')
        row(name, small, 'int8')


if __name__ == '__main__':
    main()
