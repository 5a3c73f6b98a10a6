#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the tiny networks that test-segment and test-plugin run. Needs python3-onnx; the files are
committed, so this is run only to change them.

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

# An operator nobody has.
strange = helper.make_graph(
    [helper.make_node("Frobnicate", ["image"], ["out"], name="odd", domain="org.example")], "strange",
    [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, *space3])],
    [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 2, *space3])])
onnx.save(helper.make_model(strange, ir_version=7, opset_imports=[
    helper.make_opsetid("", 13), helper.make_opsetid("org.example", 1)]), here / "strange.onnx")
