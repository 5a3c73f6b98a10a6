#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the recurrences that test-scan runs: the selective scan as one node, as exporters write it,
and nets that only look like it. Needs python3-onnx; the files are committed, so this is run only to
change them.

    python3 tests/engine/nets/make_scans.py
"""
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

here = pathlib.Path(__file__).resolve().parent
K, L, C, N = 2, 300, 19, 5
SHAPES = {"u": [K, L, C], "dt": [K, L, C], "B": [K, L, N], "C": [K, L, N], "A": [K, C, N], "D": [K, C],
          "y": [K, L, C], "end": [K, C, N]}
node = helper.make_node


def info(name, shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def save(name, nodes, inputs, constants=None, outputs=("y",)):
    graph = helper.make_graph(
        nodes, name, [info(i, SHAPES[i]) for i in inputs], [info(o, SHAPES[o]) for o in outputs],
        [numpy_helper.from_array(np.asarray(v), k) for k, v in (constants or {}).items()])
    model = helper.make_model(graph, producer_name="sagitta-tests", opset_imports=[
        helper.make_opsetid("", 13), helper.make_opsetid("sagitta", 1)])
    model.ir_version = 7
    onnx.checker.check_model(model)
    onnx.save(model, here / f"{name}.onnx")


def scan(**variant):
    """The Scan node and the Mul before it. Variants: swapped (operands the other way round, a sum
    instead of a product), late (y reads the state before the step), minus (exp of the negative),
    back (time runs backwards)."""
    swapped, late = variant.get("swapped"), variant.get("late")

    def two(op, a, b, y):
        return node(op, [b, a] if swapped else [a, b], [y])

    product = [two("Mul", "dt1", "A", "dtA")]
    if variant.get("minus"):
        product = [two("Mul", "dt1", "A", "dtA_"), node("Neg", ["dtA_"], ["dtA"])]
    state = "h_in" if late else "h_out"
    if swapped:
        out = [node("Unsqueeze", ["C_t", "one"], ["C1"]), two("Mul", state, "C1", "hC"),
               node("ReduceSum", ["hC", "minus_one"], ["y_t"], keepdims=0)]
    else:
        out = [node("Unsqueeze", ["C_t", "minus_one"], ["C1"]), node("MatMul", [state, "C1"], ["y1"]),
               node("Squeeze", ["y1", "minus_one"], ["y_t"])]
    body = helper.make_graph(
        [node("Unsqueeze", ["dt_t", "minus_one"], ["dt1"]), *product, node("Exp", ["dtA"], ["a"]),
         two("Mul", "a", "h_in", "ah"), node("Unsqueeze", ["du_t", "minus_one"], ["du1"]),
         node("Unsqueeze", ["B_t", "one"], ["B1"]), two("Mul", "du1", "B1", "b"),
         two("Add", "ah", "b", "h_out"), *out], "body",
        [info("h_in", [K, C, N]), info("dt_t", [K, C]), info("du_t", [K, C]), info("B_t", [K, N]),
         info("C_t", [K, N])],
        [info("h_out", [K, C, N]), info("y_t", [K, C])],
        [numpy_helper.from_array(np.array([-1]), "minus_one"),
         numpy_helper.from_array(np.array([1]), "one")])
    more = {"scan_input_directions": [1] * 4} if variant.get("back") else {}
    return [two("Mul", "dt", "u", "du"),
            node("Scan", ["start", "dt", "du", "B", "C"], ["end", variant.get("to", "ys")], body=body,
                 num_scan_inputs=4, scan_input_axes=[1] * 4, scan_output_axes=[1], **more)]


SKIP = [node("Unsqueeze", ["D", "axis1"], ["D3"]), node("Mul", ["u", "D3"], ["uD"]),
        node("Add", ["ys", "uD"], ["y"])]


def doubling(wrong=False):
    """The same by doubling; `wrong`: one level is left out."""
    ints, nodes, s = {"axis2": [2], "axis3": [3], "zero": [0], "all": [L]}, [], 1

    def op(kind, *ins, y, **kw):
        nodes.append(node(kind, list(ins), [y], **kw))
        return y

    a = op("Exp", op("Mul", op("Unsqueeze", "dt", "axis3", y="dt4"), op("Unsqueeze", "A", "axis1", y="A4"), y="dtA"),
           y="a")
    b = op("Mul", op("Unsqueeze", op("Mul", "dt", "u", y="du"), "axis3", y="du4"),
           op("Unsqueeze", "B", "axis2", y="B4"), y="b")
    while s < L:
        if wrong and s == 4:
            s *= 2
        t = str(s)
        ints |= {"s" + t: [s], "e" + t: [L - s]}

        def part(x, first, last, tag):
            return op("Slice", x, first, last, "axis1", y=tag + t)

        new = op("Add", op("Mul", part(a, "s" + t, "all", "ah"), part(b, "zero", "e" + t, "bl"), y="ab" + t),
                 part(b, "s" + t, "all", "bh"), y="sum" + t)
        more = op("Mul", part(a, "s" + t, "all", "ai"), part(a, "zero", "e" + t, "al"), y="aa" + t)
        b = op("Concat", part(b, "zero", "s" + t, "b0"), new, y="b" + t, axis=1)
        a = op("Concat", part(a, "zero", "s" + t, "a0"), more, y="a" + t, axis=1)
        s *= 2
    op("Squeeze", op("MatMul", b, op("Unsqueeze", "C", "axis3", y="C4"), y="y4"), "axis3", y="ys")
    return nodes, {k: np.array(v) for k, v in ints.items()}


ALL = ["u", "dt", "B", "C", "A", "D"]
ZERO = {"start": np.zeros((K, C, N), np.float32), "axis1": np.array([1])}
A = np.broadcast_to(-np.arange(1, N + 1, dtype=np.float32), (K, C, N)).copy()

save("scan-op", [node("SelectiveScan", ALL, ["y"], domain="sagitta")], ALL)
save("scan-form", scan() + SKIP, ALL, ZERO)
save("scan-swapped", scan(swapped=True, to="y"), ALL[:4], {"start": ZERO["start"], "A": A})
nodes, ints = doubling()
save("scan-doubling", nodes + SKIP, ALL, {"axis1": ZERO["axis1"], **ints})

# B and C cut out of one product, as Mamba's are, and steps from a bias and softplus.
save("scan-near", [node("Concat", ["B", "C"], ["BC"], axis=2), node("Neg", ["BC"], ["minus"]),
                   node("Slice", ["minus", "zero", "n", "axis2"], ["B_"]), node("Slice", ["minus", "n", "n2", "axis2"], ["C_"]),
                   node("Add", ["dt", "bias"], ["raw"]), node("Softplus", ["raw"], ["step"]),
                   node("SelectiveScan", ["u", "step", "B_", "C_", "A", "D"], ["y"], domain="sagitta")], ALL,
     {"zero": np.array([0]), "n": np.array([N]), "n2": np.array([2 * N]), "axis2": np.array([2]),
      "bias": (-1.25 - 0.01 * np.arange(C) - 0.1 * np.arange(K)[:, None, None]).astype(np.float32)})

# What must stay as it is.
save("scan-end", scan() + SKIP, ALL, ZERO, ("y", "end"))
save("scan-late", scan(late=True) + SKIP, ALL, ZERO)
save("scan-minus", scan(minus=True) + SKIP, ALL, ZERO)
save("scan-back", scan(back=True) + SKIP, ALL, ZERO)
save("scan-start", scan() + SKIP, ALL, {**ZERO, "start": np.full((K, C, N), 0.5, np.float32)})
nodes, ints = doubling(wrong=True)
save("scan-gap", nodes + SKIP, ALL, {"axis1": ZERO["axis1"], **ints})
