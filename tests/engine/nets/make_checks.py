#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make_checks.py OUTDIR CASE...: nets that check themselves, for test-checks.

A CASE is a folder with model.onnx, its inputs in_K.npy, another engine's answers ref_K.npy, and
names.json, refs.json that say which input or output each is. The wrapped net has one input 'zero', a
float 0 that is added to every float input so that nothing is known before the run, and one output
'difference': the largest |y - reference| of all float outputs relative to the largest |reference|,
and the number of other elements that differ. Needs python3-onnx.
"""
import json
import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def wrap(case):
    model = onnx.load(case / "model.onnx")
    graph = model.graph
    before, after, parts = [], [], []

    def constant(name, value):
        before.append(helper.make_node("Constant", [], [name], value=numpy_helper.from_array(value)))
        return name

    def node(op, inputs, name, **attributes):
        after.append(helper.make_node(op, inputs, [name], **attributes))
        return name

    for file, name in json.loads((case / "names.json").read_text()).items():
        value = np.load(case / file)
        if value.dtype == np.float32:
            constant("check_" + name, value)
            before.append(helper.make_node("Add", ["check_" + name, "zero"], [name]))
        else:
            constant(name, value)
    for file, name in json.loads((case / "refs.json").read_text()).items():
        want = np.load(case / file)
        key = "check_" + name
        if want.dtype == np.float32:
            scale = max(float(np.abs(want).max()), 1e-3)
            apart = node("Abs", [node("Sub", [name, constant(key, want)], key + "_sub")], key + "_abs")
            apart = node("Div", [apart, constant(key + "_scale", np.float32(scale))], key + "_rel")
        else:
            apart = node("Equal", [node("Cast", [name], key + "_int", to=TensorProto.INT64),
                                   constant(key, want.astype(np.int64))], key + "_same")
            apart = node("Cast", [node("Not", [apart], key + "_not")], key + "_rel", to=TensorProto.FLOAT)
        flat = node("Reshape", [apart, constant(key + "_flat", np.array([-1], np.int64))], key + "_line")
        parts.append(node("ReduceMax", [flat], key + "_max", keepdims=1))
    node("Max", parts, "difference") if len(parts) > 1 else node("Identity", parts, "difference")
    nodes = before + list(graph.node) + after
    wrapped = helper.make_graph(
        nodes, case.name, [helper.make_tensor_value_info("zero", TensorProto.FLOAT, [])],
        [helper.make_tensor_value_info("difference", TensorProto.FLOAT, [1])], list(graph.initializer))
    result = helper.make_model(wrapped, producer_name="sagitta-tests", opset_imports=list(model.opset_import))
    result.ir_version = model.ir_version
    result.functions.extend(model.functions)
    return result


for case in map(pathlib.Path, sys.argv[2:]):
    onnx.save(wrap(case), pathlib.Path(sys.argv[1]) / (case.name + ".onnx"))
