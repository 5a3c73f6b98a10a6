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

# An operator nobody has.
strange = helper.make_graph(
    [helper.make_node("Frobnicate", ["image"], ["out"], name="odd", domain="org.example")], "strange",
    [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, *space3])],
    [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 2, *space3])])
onnx.save(helper.make_model(strange, ir_version=7, opset_imports=[
    helper.make_opsetid("", 13), helper.make_opsetid("org.example", 1)]), here / "strange.onnx")
