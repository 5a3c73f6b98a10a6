#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The bench table of engine/README.md: ours beside another engine, one process a measurement, the
engines in turn.

    SAGITTA_PEER='peer {model} --threads {threads} --runs {runs}' \\
        tests/bench.py CLI MODELS [--nets a,b] [--columns fp32,peer] [--rounds 2] [--peak FILE.json] [--write engine/README.md]

CLI is sagitta-cli of a release build. MODELS holds NET.onnx, and where there are such NET.int8.onnx
(quantized, QDQ), NET.in.npy and NET.out.npy (input and reference output) and NET.json ("macs"). The
peer is whatever the variable SAGITTA_PEER says: a command that prints one line of JSON with
median_ms, rss_mb and base_mb; without it only ours is measured. FILE.json has "fma_avx512_gflops" or
"fma_avx2_gflops": [one thread, all]; without it there is no percentage of the limit. --write puts the
table between the two marks in that file instead of printing it. SAGITTA_PRIO may name a command to
run measurements under.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import shlex
import subprocess
import sys

BEGIN, END = "<!-- tests/bench.py -->", "<!-- end -->"


def measure(command):
    """The last line of JSON that the command prints, or nothing if it fails."""
    run = subprocess.run(shlex.split(os.environ.get("SAGITTA_PRIO", "")) + command, capture_output=True, text=True)
    lines = [line for line in run.stdout.splitlines() if line.startswith("{")]
    if run.returncode != 0 or not lines:
        print("failed:", " ".join(command), (run.stderr or run.stdout).strip()[-300:], file=sys.stderr)
        return None
    return json.loads(lines[-1])


def commands(options, net, threads):
    """What is measured of a net: column -> command."""
    model, whole = options.models / f"{net}.onnx", options.models / f"{net}.int8.onnx"
    found, runs = {}, str(options.runs)

    def ours(path, *more):
        command = [options.cli, "bench", str(path), "--threads", str(threads), "--runs", runs, "--json", *more]
        given, reference = options.models / f"{net}.in.npy", options.models / f"{net}.out.npy"
        if given.exists():
            command += ["--input", f"input={given}"]
        return command + (["--ref", str(reference)] if reference.exists() else [])

    def peer(path):
        return [part.format(model=path, threads=threads, runs=runs) for part in shlex.split(os.environ["SAGITTA_PEER"])]

    if "SAGITTA_PEER" in os.environ:
        found["peer"] = peer(model)
        if whole.exists():
            found["peer int8"] = peer(whole)
    found["fp32"] = ours(model)
    if whole.exists():
        found["int8"] = ours(whole, "--precision", "int8")
    found["int8 dynamic"] = ours(model, "--precision", "int8")
    return found


def best(rows):
    """The lowest median, and the memory that goes with it."""
    rows = [row for row in rows if row is not None]
    return min(rows, key=lambda row: row["median_ms"]) if rows else None


def cell(results, net, column, digits=1):
    both = [results.get((net, column, threads)) for threads in (1, 2)]
    return " / ".join("–" if one is None else f"{one['median_ms']:.{digits}f}" for one in both)


def ratio(results, net, column, peer):
    pairs = [(results.get((net, column, t)), results.get((net, peer, t))) for t in (1, 2)]
    return " / ".join("–" if a is None or b is None else f"{b['median_ms'] / a['median_ms']:.1f}" for a, b in pairs)


def memory(results, net, column):
    one = results.get((net, column, 2)) or results.get((net, column, 1))
    return "–" if one is None or "rss_mb" not in one else f"{one['rss_mb'] - one.get('base_mb', 0):.0f}"


def table(options, nets, results, peak):
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    lines = [
        f"{datetime.date.today()}, {os.cpu_count()} cores of {cpu.group(1) if cpu else platform.machine()}; medians of "
        f"{options.runs} runs in ms on 1 / 2 threads, the best of {options.rounds} rounds; memory is the peak above the bare "
        "process in MB, on 2 threads. INT8 of the peer and ours is the same quantized file; \"dynamic\" is ours from the FP32 "
        "file.", "",
        "| net | peer FP32 | ours FP32 | times faster | of the limit | peer INT8 | ours INT8 | times faster | ours dynamic | MB: peer / FP32 / INT8 | load ms |",
        "|---|---|---|---|---|---|---|---|---|---|---|"]
    for net in nets:
        costs = options.models / f"{net}.json"
        macs = json.loads(costs.read_text())["macs"] if costs.exists() else 0
        one = results.get((net, "fp32", 1))
        share = "–" if not (one and peak and macs) else f"{200 * macs / one['median_ms'] / 1e6 / peak:.0f} %"
        int8 = "int8" if (net, "int8", 1) in results else "int8 dynamic"
        lines.append("| " + " | ".join([
            net, cell(results, net, "peer"), cell(results, net, "fp32"), ratio(results, net, "fp32", "peer"), share,
            cell(results, net, "peer int8"), cell(results, net, "int8"), ratio(results, net, int8, "peer int8"),
            cell(results, net, "int8 dynamic"),
            " / ".join(memory(results, net, c) for c in ("peer", "fp32", int8)),
            "–" if one is None else f"{one['load_ms']:.0f}"]) + " |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cli")
    parser.add_argument("models", type=pathlib.Path)
    parser.add_argument("--nets")
    parser.add_argument("--columns", help="only these: peer, peer int8, fp32, int8, int8 dynamic")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--peak", type=pathlib.Path)
    parser.add_argument("--write", type=pathlib.Path)
    options = parser.parse_args()
    nets = options.nets.split(",") if options.nets else sorted(
        path.name[:-5] for path in options.models.glob("*.onnx") if not path.name.endswith(".int8.onnx"))
    peak = 0
    if options.peak:
        limits = json.loads(options.peak.read_text())
        peak = (limits.get("fma_avx512_gflops") or limits.get("fma_avx2_gflops") or [0])[0]
    rows = {}
    for _ in range(options.rounds):
        for net in nets:
            for threads in (1, 2):
                for column, command in commands(options, net, threads).items():
                    if options.columns and column not in options.columns.split(","):
                        continue
                    row = measure(command)
                    rows.setdefault((net, column, threads), []).append(row)
                    if row is not None:
                        print(f"{net} {column} t={threads}: {row['median_ms']:.1f} ms", file=sys.stderr, flush=True)
    text = table(options, nets, {key: best(value) for key, value in rows.items()}, peak)
    if options.write is None:
        print(text)
        return
    whole = options.write.read_text()
    if BEGIN not in whole or END not in whole:
        sys.exit(f"{options.write} has no marks '{BEGIN}' and '{END}'")
    before, rest = whole.split(BEGIN, 1)
    options.write.write_text(before + BEGIN + "\n" + text + END + rest.split(END, 1)[1])


main()
