#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the tiny networks that test-segment and test-plugin run. Needs python3-onnx; the files are
committed, so this is run only to change them; python3-torch for the ranges of bytes2d-qdq.

    python3 tests/engine/nets/make.py
"""
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

here = pathlib.Path(__file__).resolve().parent


def save(name, nodes, shape, channels, weights, out_type=TensorProto.FLOAT, out_shape=None):
    """One input 'image' of `shape` (strings are open dimensions), one output 'out'."""
    space = shape[2:]
    graph = helper.make_graph(
        nodes, name,
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("out", out_type, out_shape or [1, channels, *space])],
        [numpy_helper.from_array(np.asarray(v, dtype=np.float32), k) for k, v in weights.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)],
                              producer_name="sagitta-tests")
    model.ir_version = 7
    onnx.checker.check_model(model)
    onnx.save(model, here / f"{name}.onnx")


def conv(rank, source, target, weight, kernel):
    return helper.make_node("Conv", [source, weight, weight + "_b"], [target], name=target,
                            kernel_shape=[kernel] * rank, pads=[kernel // 2] * (2 * rank))


space3 = ["D", "H", "W"]
sign = np.array([-4.0, 4.0]).reshape(2, 1, 1, 1, 1)

# Two logits, -4 x and 4 x: label 1 where the input is above 0, whatever the patch.
save("sign3d", [conv(3, "image", "out", "w", 1)], [1, 1, *space3], 2,
     {"w": sign, "w_b": np.zeros(2)})
save("sign2d", [conv(2, "image", "out", "w", 1)], [1, 1, "H", "W"], 2,
     {"w": sign[..., 0], "w_b": np.zeros(2)})

# The same, ending in softmax, sigmoid's logit, and the number of the channel.
save("softmax3d", [conv(3, "image", "logits", "w", 1),
                   helper.make_node("Softmax", ["logits"], ["out"], axis=1)],
     [1, 1, *space3], 2, {"w": sign, "w_b": np.zeros(2)})
save("sigmoid3d", [conv(3, "image", "out", "w", 1)], [1, 1, *space3], 2,
     {"w": np.array([8.0, 4.0]).reshape(2, 1, 1, 1, 1), "w_b": [-16, 0]})
save("argmax3d", [conv(3, "image", "logits", "w", 1),
                  helper.make_node("ArgMax", ["logits"], ["out"], axis=1, keepdims=1)],
     [1, 1, *space3], 1, {"w": sign, "w_b": np.zeros(2)}, TensorProto.INT64)

# Differences along W, H and D as three channels after a background of 0: which way each axis of the
# network runs shows in the labels.
steps = np.zeros((4, 1, 3, 3, 3))
steps[1, 0, 1, 1] = [-1, 0, 1]
steps[2, 0, 1, :, 1] = [-1, 0, 1]
steps[3, 0, :, 1, 1] = [-1, 0, 1]
save("steps3d", [conv(3, "image", "out", "w", 3)], [1, 1, *space3], 4,
     {"w": steps * 3, "w_b": np.zeros(4)})

# A slice and its neighbours: the next slice minus the one before.
save("next2d", [conv(2, "image", "out", "w", 1)], [1, 3, "H", "W"], 2,
     {"w": np.array([[0, 0, 0], [-4, 0, 4]]).reshape(2, 3, 1, 1), "w_b": np.zeros(2)})

# A real, if small, network of a fixed patch: what it says near a patch's edge depends on the patch.
rng = np.random.default_rng(7)
save("mixed3d", [conv(3, "image", "a", "w1", 3), helper.make_node("Relu", ["a"], ["b"]),
                 conv(3, "b", "out", "w2", 3)], [1, 1, 8, 12, 16], 3,
     {"w1": rng.normal(0, 0.5, (6, 1, 3, 3, 3)), "w1_b": rng.normal(0, 0.1, 6),
      "w2": rng.normal(0, 0.3, (3, 6, 3, 3, 3)), "w2_b": rng.normal(0, 0.1, 3)})

# Layers that can run at less than fp32, between a first and a last that do not: 3-D of few channels and of
# many, strided, transposed, with a residual, and matrix products.
def weights(*shape):
    return rng.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)


def same(source, target, weight, kernel, **more):
    return helper.make_node("Conv", [source, weight, weight + "_b"], [target], name=target, **{
        "kernel_shape": [kernel] * 3, "pads": [kernel // 2] * 6, **more})


save("lower3d", [
    same("image", "first", "w1", 3), helper.make_node("Relu", ["first"], ["a"]),
    same("a", "rows", "w2", 3), helper.make_node("LeakyRelu", ["rows"], ["b"], alpha=0.1),
    same("b", "dilated", "w3", 3, pads=[2] * 6, dilations=[2] * 3), helper.make_node("Add", ["dilated", "b"], ["c"]),
    same("c", "down", "w4", 3, strides=[2] * 3), helper.make_node("Relu", ["down"], ["d"]),
    same("d", "wide", "w5", 3), helper.make_node("Relu", ["wide"], ["e"]),
    helper.make_node("Transpose", ["e"], ["t"], perm=[0, 2, 3, 4, 1]),
    helper.make_node("MatMul", ["t", "m1"], ["u"], name="product"),
    helper.make_node("Add", ["u", "m1_b"], ["v"]), helper.make_node("Relu", ["v"], ["x"]),
    helper.make_node("Transpose", ["x"], ["y"], perm=[0, 4, 1, 2, 3]),
    helper.make_node("ConvTranspose", ["y", "w6", "w6_b"], ["up"], name="up", kernel_shape=[2] * 3,
                     strides=[2] * 3),
    helper.make_node("Concat", ["up", "c"], ["z"], axis=1), same("z", "out", "w7", 1)],
    [1, 1, 12, 14, 22], 3,
    {"w1": weights(6, 1, 3, 3, 3), "w1_b": rng.normal(0, 0.1, 6),
     "w2": weights(6, 6, 3, 3, 3), "w2_b": rng.normal(0, 0.1, 6),
     "w3": weights(6, 6, 3, 3, 3), "w3_b": rng.normal(0, 0.1, 6),
     "w4": weights(40, 6, 3, 3, 3), "w4_b": rng.normal(0, 0.1, 40),
     "w5": weights(37, 40, 3, 3, 3), "w5_b": rng.normal(0, 0.1, 37),
     "m1": weights(21, 37).T, "m1_b": rng.normal(0, 0.1, 21),
     "w6": rng.normal(0, 0.3, (21, 5, 2, 2, 2)), "w6_b": rng.normal(0, 0.1, 5),
     "w7": weights(3, 11, 1, 1, 1), "w7_b": rng.normal(0, 0.1, 3)})

# Layers that can hand bytes to each other: few channels and many, strided, pooled, transposed, joined, with a
# residual; and the same as a file that says of each value how it is quantised (QDQ), ranges from one input
# of noise. QDQ follows ONNX QuantizeLinear: uint8 with zero point; weights int8 by output channel.
def flat(source, target, weight, kernel, **more):
    return helper.make_node("Conv", [source, weight, weight + "_b"], [target], name=target, **{
        "kernel_shape": [kernel] * 2, "pads": [kernel // 2] * 4, **more})


bytes_nodes = [
    flat("image", "first", "w1", 3), helper.make_node("Relu", ["first"], ["a"]),
    flat("a", "rows", "w2", 3), helper.make_node("LeakyRelu", ["rows"], ["b"], alpha=0.1),
    flat("b", "same", "w3", 3, pads=[2] * 4, dilations=[2] * 2), helper.make_node("Add", ["same", "b"], ["c"]),
    helper.make_node("MaxPool", ["c"], ["p"], kernel_shape=[2, 2], strides=[2, 2], name="pool"),
    flat("p", "wide", "w4", 3), helper.make_node("Relu", ["wide"], ["d"]),
    flat("d", "down", "w5", 3, strides=[2, 2]), helper.make_node("Relu", ["down"], ["e"]),
    helper.make_node("ConvTranspose", ["e", "w6", "w6_b"], ["up"], name="up", kernel_shape=[2] * 2,
                     strides=[2] * 2),
    helper.make_node("Concat", ["up", "d"], ["f"], axis=1, name="joined"),
    flat("f", "mixed", "w7", 1), helper.make_node("Relu", ["mixed"], ["g"]),
    helper.make_node("ConvTranspose", ["g", "w8", "w8_b"], ["top"], name="top", kernel_shape=[2] * 2,
                     strides=[2] * 2),
    helper.make_node("Concat", ["top", "c"], ["h"], axis=1, name="all"),
    flat("h", "out", "w9", 1)]
bytes_weights = {
    "w1": weights(12, 1, 3, 3), "w1_b": rng.normal(0, 0.1, 12),
    "w2": weights(12, 12, 3, 3), "w2_b": rng.normal(0, 0.1, 12),
    "w3": weights(12, 12, 3, 3), "w3_b": rng.normal(0, 0.1, 12),
    "w4": weights(40, 12, 3, 3), "w4_b": rng.normal(0, 0.1, 40),
    "w5": weights(52, 40, 3, 3), "w5_b": rng.normal(0, 0.1, 52),
    "w6": rng.normal(0, 0.2, (52, 40, 2, 2)), "w6_b": rng.normal(0, 0.1, 40),
    "w7": weights(20, 80, 1, 1), "w7_b": rng.normal(0, 0.1, 20),
    "w8": rng.normal(0, 0.3, (20, 12, 2, 2)), "w8_b": rng.normal(0, 0.1, 12),
    "w9": weights(3, 24, 1, 1), "w9_b": rng.normal(0, 0.1, 3)}
save("bytes2d", bytes_nodes, [1, 1, 24, 44], 3, bytes_weights)


def ranges_of(nodes, parameters, image):
    """Least and greatest of every value for one input, by torch."""
    import torch
    import torch.nn.functional as F
    value = {k: torch.tensor(np.asarray(v, dtype=np.float32)) for k, v in parameters.items()}
    value["image"] = torch.tensor(image)
    for n in nodes:
        at = {a.name: helper.get_attribute_value(a) for a in n.attribute}
        x = [value[i] for i in n.input]
        if n.op_type == "Conv":
            y = F.conv2d(x[0], x[1], x[2], at.get("strides", 1), at["pads"][:2], at.get("dilations", 1))
        elif n.op_type == "ConvTranspose":
            y = F.conv_transpose2d(x[0], x[1], x[2], at["strides"])
        else:
            y = {"Relu": lambda: F.relu(x[0]), "LeakyRelu": lambda: F.leaky_relu(x[0], 0.1),
                 "Add": lambda: x[0] + x[1], "MaxPool": lambda: F.max_pool2d(x[0], 2),
                 "Concat": lambda: torch.cat(x, 1)}[n.op_type]()
        value[n.output[0]] = y
    return {k: (min(0.0, float(v.min())), max(0.0, float(v.max()))) for k, v in value.items()}


def with_pairs(nodes, parameters, image):
    ranges, constants, result, given = ranges_of(nodes, parameters, image), {}, [], {}
    users = {}
    for n in nodes:
        for i in n.input:
            users.setdefault(i, []).append(n)

    def pair(name):
        if name in given or name in parameters or name == "out":
            return
        scale = (ranges[name][1] - ranges[name][0]) / 255
        constants[name + "_s"] = np.float32(scale)
        constants[name + "_z"] = np.uint8(round(-ranges[name][0] / scale))
        result.append(helper.make_node("QuantizeLinear", [name, name + "_s", name + "_z"], [name + "_q"]))
        result.append(helper.make_node("DequantizeLinear", [name + "_q", name + "_s", name + "_z"], [name + "_f"]))
        given[name] = name + "_f"

    pair("image")
    for n in nodes:
        n = helper.make_node(n.op_type, [given.get(i, i) for i in n.input], list(n.output), name=n.name,
                             **{a.name: helper.get_attribute_value(a) for a in n.attribute})
        if n.op_type in ("Conv", "ConvTranspose"):
            w, axis = np.asarray(parameters[n.input[1]], dtype=np.float32), int(n.op_type == "ConvTranspose")
            scale = (np.abs(w).max(axis=tuple(a for a in range(4) if a != axis)) / 127).astype(np.float32)
            shape = [1] * 4
            shape[axis] = -1
            constants[n.input[1] + "_q"] = np.clip(np.rint(w / scale.reshape(shape)), -127, 127).astype(np.int8)
            constants[n.input[1] + "_s"] = scale
            constants[n.input[1] + "_z"] = np.zeros(scale.shape, np.int8)
            result.append(helper.make_node("DequantizeLinear", [n.input[1] + "_q", n.input[1] + "_s", n.input[1] + "_z"],
                                           [n.input[1] + "_f"], axis=axis))
            constants[n.input[2]] = np.asarray(parameters[n.input[2]], dtype=np.float32)
            n.input[1] += "_f"
        result.append(n)
        follows = users.get(n.output[0], [])
        if not (len(follows) == 1 and follows[0].op_type in ("Relu", "LeakyRelu")):
            pair(n.output[0])
    return result, constants


noise = np.random.default_rng(3).uniform(-1, 1, (1, 1, 24, 44)).astype(np.float32)
qdq_nodes, qdq_constants = with_pairs(bytes_nodes, bytes_weights, noise)
graph = helper.make_graph(
    qdq_nodes, "bytes2d-qdq",
    [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, 24, 44])],
    [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 3, 24, 44])],
    [numpy_helper.from_array(np.asarray(v), k) for k, v in qdq_constants.items()])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], producer_name="sagitta-tests")
model.ir_version = 7
onnx.checker.check_model(model)
onnx.save(model, here / "bytes2d-qdq.onnx")

# Volumes of more than four megabytes, which lie over each other in memory; "apart" gives them all, so that none does.
for name in ("trail3d", "trail3d-apart"):
    trail = np.random.default_rng(11)
    nodes, constants, last = [], {}, "image"
    for i, (wide, reach) in enumerate([(16, 1), (16, 4), (16, 1), (16, 2), (3, 1)]):
        given = 1 if i == 0 else 16
        constants[f"w{i}"] = (trail.normal(0, 1, (wide, given, 3, 1, 1)) / np.sqrt(3 * given)).astype(np.float32)
        result = "out" if wide == 3 else f"layer{i}"
        nodes.append(helper.make_node("Conv", [last, f"w{i}"], [result], name=result, dilations=[reach, 1, 1],
                                      pads=[reach, 0, 0, reach, 0, 0]))
        last = result
    volume = [1, 16, 44, 40, 40]
    outputs = [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 3, *volume[2:]])]
    if name == "trail3d-apart":
        outputs += [helper.make_tensor_value_info(f"layer{i}", TensorProto.FLOAT, volume) for i in range(4)]
    onnx.save(helper.make_model(helper.make_graph(
        nodes, name, [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, *volume[2:]])], outputs,
        [numpy_helper.from_array(v, k) for k, v in constants.items()]), ir_version=7,
        opset_imports=[helper.make_opsetid("", 13)]), here / f"{name}.onnx")

# Large volumes between convolutions: dilated, through an even kernel, of numbers of either sign, one of which is also
# added later and so is never bytes.
planes = np.random.default_rng(12)
save("planes3d", [
    same("image", "first", "w1", 3), helper.make_node("LeakyRelu", ["first"], ["a"], alpha=0.2),
    same("a", "far", "w2", 3, pads=[2] * 6, dilations=[2] * 3),
    helper.make_node("Conv", ["far", "w3", "w3_b"], ["even"], name="even", kernel_shape=[2, 1, 3], pads=[1, 0, 1, 0, 0, 1]),
    helper.make_node("Sigmoid", ["even"], ["b"]),
    helper.make_node("Conv", ["b", "w4", "w4_b"], ["odd"], name="odd", kernel_shape=[2, 3, 1], pads=[0, 1, 0, 1, 1, 0]),
    same("odd", "last", "w5", 3, kernel_shape=[1, 3, 3], pads=[0, 1, 1, 0, 1, 1]),
    helper.make_node("Add", ["last", "odd"], ["c"]), helper.make_node("Relu", ["c"], ["d"]),
    same("d", "deep", "w6", 3, kernel_shape=[3, 1, 1], pads=[13, 0, 0, 13, 0, 0], dilations=[13, 1, 1]),
    same("deep", "out", "w7", 1)],
    [1, 1, 12, 180, 244], 3, {
        key: value for i, (n, k, *kernel) in enumerate([(4, 1, 3, 3, 3), (4, 4, 3, 3, 3), (4, 4, 2, 1, 3), (4, 4, 2, 3, 1),
                                                        (4, 4, 1, 3, 3), (4, 4, 3, 1, 1), (3, 4, 1, 1, 1)])
        for key, value in ((f"w{i + 1}", planes.normal(0, np.sqrt(2 / k / np.prod(kernel)), (n, k, *kernel))),
                           (f"w{i + 1}_b", planes.normal(0, 0.1, n)))})

# Steps that take long without a product.
onnx.save(helper.make_model(helper.make_graph(
    [helper.make_node("AveragePool", ["image"], ["a"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
     helper.make_node("Resize", ["a", "", "scales"], ["b"], mode="linear"),
     helper.make_node("ReduceMax", ["b"], ["out"], axes=[1], keepdims=1)], "long2d",
    [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 8, 192, 192])],
    [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 1, 384, 384])],
    [numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "scales")]), ir_version=7,
    opset_imports=[helper.make_opsetid("", 13)]), here / "long2d.onnx")

# A Loop that only its data end, in another one: halves until it is -1 or less, which what is above 0 never is.
flag, number = [TensorProto.BOOL, []], [TensorProto.FLOAT, [1]]
halve = helper.make_graph(
    [helper.make_node("Mul", ["before", "half"], ["after"]), helper.make_node("Greater", ["after", "bound"], ["again"]),
     helper.make_node("Squeeze", ["again"], ["go_on"])], "halve",
    [helper.make_tensor_value_info("i", TensorProto.INT64, []), helper.make_tensor_value_info("go", *flag),
     helper.make_tensor_value_info("before", *number)],
    [helper.make_tensor_value_info("go_on", *flag), helper.make_tensor_value_info("after", *number)],
    [numpy_helper.from_array(np.array([0.5], np.float32), "half"),
     numpy_helper.from_array(np.array([-1], np.float32), "bound")])
twice = helper.make_graph(
    [helper.make_node("Identity", ["on"], ["still"]),
     helper.make_node("Loop", ["", "", "given"], ["made"], name="while", body=halve)], "twice",
    [helper.make_tensor_value_info("trip", TensorProto.INT64, []), helper.make_tensor_value_info("on", *flag),
     helper.make_tensor_value_info("given", *number)],
    [helper.make_tensor_value_info("still", *flag), helper.make_tensor_value_info("made", *number)])
onnx.save(helper.make_model(helper.make_graph(
    [helper.make_node("Loop", ["trips", "", "image"], ["out"], name="twice", body=twice)], "endless",
    [helper.make_tensor_value_info("image", *number)], [helper.make_tensor_value_info("out", *number)],
    [numpy_helper.from_array(np.array(2, np.int64), "trips")]), ir_version=7,
    opset_imports=[helper.make_opsetid("", 13)]), here / "endless.onnx")

# An operator nobody has.
strange = helper.make_graph(
    [helper.make_node("Frobnicate", ["image"], ["out"], name="odd", domain="org.example")], "strange",
    [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, *space3])],
    [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 2, *space3])])
onnx.save(helper.make_model(strange, ir_version=7, opset_imports=[
    helper.make_opsetid("", 13), helper.make_opsetid("org.example", 1)]), here / "strange.onnx")

# A few bytes that ask for gigabytes: of nothing, and of four numbers; and for hours: 10^5 products of no input.
numbers = helper.make_tensor_value_info
i64 = lambda name, *v: numpy_helper.from_array(np.array(v), name)
greedy = {
    "greedy-nothing": ([helper.make_node("ConstantOfShape", ["shape"], ["ones"]),
                        helper.make_node("ReduceSum", ["ones"], ["sum"], keepdims=0),
                        helper.make_node("Add", ["image", "sum"], ["out"])], [i64("shape", 40000, 40000)]),
    "greedy-input": ([helper.make_node("Concat", [f"t{i}" if i else "image"] * 2, [f"t{i + 1}" if i < 27 else "out"], axis=0)
                      for i in range(28)], []),
    "greedy-loop": ([helper.make_node("ConstantOfShape", ["shape"], ["zeros"]),
                     helper.make_node("Loop", ["trips", "", "zeros"], ["last"], body=helper.make_graph(
                         [helper.make_node("MatMul", ["x", "x"], ["y"]), helper.make_node("Identity", ["go"], ["on"])], "body",
                         [numbers("i", TensorProto.INT64, []), numbers("go", TensorProto.BOOL, []), numbers("x", TensorProto.FLOAT, None)],
                         [numbers("on", TensorProto.BOOL, []), numbers("y", TensorProto.FLOAT, None)])),
                     helper.make_node("ReduceSum", ["last"], ["sum"], keepdims=0),
                     helper.make_node("Add", ["image", "sum"], ["out"])],
                    [i64("shape", 900, 900), numpy_helper.from_array(np.array(100000), "trips")]),
}
for name, (nodes, constants) in greedy.items():
    graph = helper.make_graph(nodes, name, [numbers("image", TensorProto.FLOAT, [4])], [numbers("out", TensorProto.FLOAT, None)], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7, producer_name="sagitta-tests"),
              here / f"{name}.onnx")

# How large an output is depends on the elements of the input: the places above a half, and halves until none is above 0.05.
i64 = TensorProto.INT64
body = helper.make_graph(
    [helper.make_node("Mul", ["s", "half"], ["t"]), helper.make_node("ReduceMax", ["t"], ["most"], keepdims=0),
     helper.make_node("Greater", ["most", "least"], ["on"]), helper.make_node("Identity", ["t"], ["given"])], "body",
    [numbers("i", i64, []), numbers("go", TensorProto.BOOL, []), numbers("s", TensorProto.FLOAT, [8192])],
    [numbers("on", TensorProto.BOOL, []), numbers("t", TensorProto.FLOAT, [8192]), numbers("given", TensorProto.FLOAT, [8192])])
graph = helper.make_graph(
    [helper.make_node("Greater", ["image", "half"], ["above"]), helper.make_node("NonZero", ["above"], ["places"]),
     helper.make_node("Loop", ["", "go", "image"], ["last", "halves"], body=body)], "places",
    [numbers("image", TensorProto.FLOAT, [8192])],
    [numbers("places", i64, None), numbers("halves", TensorProto.FLOAT, None)],
    [numpy_helper.from_array(np.float32(0.5), "half"), numpy_helper.from_array(np.float32(0.05), "least"),
     numpy_helper.from_array(np.array(True), "go")])
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7, producer_name="sagitta-tests"),
          here / "places.onnx")
