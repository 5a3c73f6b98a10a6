#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""make-onnx-corpus.py OUTDIR: the small models that fuzz-onnx starts from, and a few that are wrong on purpose.

Needs the onnx and numpy packages; the files it makes are committed, so building and testing do not need it.
"""
import os
import sys

import numpy as np
from onnx import TensorProto, helper, numpy_helper

OUT = sys.argv[1]
F, I, B = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
rng = np.random.RandomState(1)


def vi(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)


def const(name, value):
    return numpy_helper.from_array(np.asarray(value), name)


def rand(name, *shape):
    return const(name, rng.randn(*shape).astype(np.float32))


def node(op, ins, outs, **kw):
    return helper.make_node(op, ins, outs, name=outs[0] if outs else op, **kw)


def save(name, nodes, inputs, outputs, inits=(), opset=17, **kw):
    graph = helper.make_graph(nodes, name, inputs, outputs, list(inits))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], **kw)
    with open(os.path.join(OUT, name + ".onnx"), "wb") as file:
        file.write(model.SerializeToString())


x4 = [vi("x", F, [1, 2, 6, 6])]
y = [vi("y", F, None)]

save("conv", [node("Pad", ["x", "pads"], ["p"]), node("Conv", ["p", "w", "b"], ["c"]),
              node("BatchNormalization", ["c", "s", "s", "s", "v"], ["n"]), node("Relu", ["n"], ["r"]),
              node("Conv", ["r", "w2"], ["d"], pads=[1, 1, 1, 1]), node("Add", ["d", "r"], ["a"]),
              node("LeakyRelu", ["a"], ["l"]), node("MaxPool", ["l"], ["m"], kernel_shape=[2, 2], strides=[2, 2]),
              node("ConvTranspose", ["m", "w3"], ["t"], strides=[2, 2]), node("Concat", ["t", "r"], ["k"], axis=1),
              node("Softmax", ["k"], ["y"], axis=1)],
     x4, y, [const("pads", np.array([0, 0, 1, 1, 0, 0, 1, 1])), rand("w", 3, 2, 3, 3), rand("b", 3), rand("s", 3),
             const("v", np.ones(3, np.float32)), rand("w2", 3, 3, 3, 3), rand("w3", 3, 2, 2, 2)])
save("conv3d", [node("Conv", ["x", "w"], ["c"], dilations=[2, 2, 2], pads=[2] * 6, group=2),
                node("InstanceNormalization", ["c", "s", "s"], ["n"]), node("Elu", ["n"], ["e"]),
                node("AveragePool", ["e"], ["y"], kernel_shape=[2, 2, 2], ceil_mode=1, count_include_pad=1)],
     [vi("x", F, [1, 2, 5, 5, 5])], y, [rand("w", 4, 1, 3, 3, 3), rand("s", 4)])
save("resize", [node("Resize", ["x", "", "scales"], ["a"], mode="linear"),
                node("Resize", ["a", "", "", "sizes"], ["b"], mode="cubic"),
                node("Resize", ["b", "roi", "scales"], ["y"], mode="nearest",
                     coordinate_transformation_mode="tf_crop_and_resize")],
     x4, y, [const("scales", np.array([1, 1, 2, 2], np.float32)), const("sizes", np.array([1, 2, 5, 7])),
             const("roi", np.array([0, 0, 0, 0, 1, 1, 1, 1], np.float32))])
save("shapes", [node("Shape", ["x"], ["s"]), node("Gather", ["s", "two"], ["h"]), node("Mul", ["h", "two"], ["h2"]),
                node("Unsqueeze", ["h2", "zero"], ["h2v"]), node("Concat", ["minus", "h2v"], ["target"], axis=0),
                node("Reshape", ["x", "target"], ["r"]), node("Transpose", ["r"], ["t"], perm=[1, 0]),
                node("MatMul", ["r", "t"], ["m"]), node("Slice", ["m", "zero", "onev", "zero"], ["sl"]),
                node("Tile", ["sl", "reps"], ["ti"]), node("ReduceMean", ["ti"], ["rm"], axes=[0]),
                node("Split", ["rm"], ["y", "y2"], axis=1)],
     x4, y, [const("two", np.int64(2)), const("minus", np.array([-1])), const("zero", np.array([0])),
             const("onev", np.array([1])), const("reps", np.array([2, 1]))])
save("transformer", [node("LayerNormalization", ["x", "g", "g"], ["n"]), node("MatMul", ["n", "w"], ["q0"]),
                     node("Add", ["q0", "g"], ["q"]), node("Reshape", ["q", "heads"], ["r"]),
                     node("Transpose", ["r"], ["t"], perm=[0, 2, 1, 3]), node("Transpose", ["r"], ["u"], perm=[0, 2, 3, 1]),
                     node("MatMul", ["t", "u"], ["a"]), node("Softmax", ["a"], ["s"]), node("MatMul", ["s", "t"], ["o"]),
                     node("Transpose", ["o"], ["o2"], perm=[0, 2, 1, 3]), node("Reshape", ["o2", "flat"], ["z"]),
                     node("Div", ["z", "root2"], ["d"]), node("Erf", ["d"], ["e"]), node("Add", ["e", "one"], ["e1"]),
                     node("Mul", ["z", "e1"], ["m"]), node("Mul", ["m", "half"], ["ge"]), node("Add", ["ge", "x"], ["y"])],
     [vi("x", F, [1, 6, 8])], y, [rand("g", 8), rand("w", 8, 8), const("heads", np.array([1, 6, 2, 4])),
                                 const("flat", np.array([1, 6, 8])), const("root2", np.float32(1.41421356)),
                                 const("one", np.float32(1)), const("half", np.float32(0.5))])
body = helper.make_graph([node("Mul", ["h", "a"], ["ha"]), node("Add", ["ha", "xt"], ["hn"]), node("Identity", ["hn"], ["yt"])],
                         "body", [vi("h", F, [4]), vi("xt", F, [4])], [vi("hn", F, [4]), vi("yt", F, [4])])
save("scan", [node("Scan", ["h0", "x"], ["hN", "y"], body=body, num_scan_inputs=1)], [vi("x", F, [5, 4])], y,
     [rand("h0", 4), rand("a", 4)])
body = helper.make_graph([node("Gather", ["x", "i"], ["xi"]), node("Add", ["h", "xi"], ["hn"]), node("Identity", ["c"], ["cn"]),
                          node("Identity", ["hn"], ["yt"])],
                         "body", [vi("i", I, []), vi("c", B, []), vi("h", F, [4])],
                         [vi("cn", B, []), vi("hn", F, [4]), vi("yt", F, [4])])
save("loop", [node("Loop", ["n", "t", "h0"], ["hN", "y"], body=body)], [vi("x", F, [5, 4])], y,
     [rand("h0", 4), const("n", np.int64(5)), const("t", np.bool_(True))])
body = helper.make_graph([node("Add", ["i", "one"], ["i1"]), node("Less", ["i1", "three"], ["cN"]),
                          node("Slice", ["x", "i", "i1"], ["s"]), node("Concat", ["k", "s"], ["kN"], axis=1)],
                         "body", [vi("t", I, []), vi("c", B, []), vi("i", I, [1]), vi("k", F, None)],
                         [vi("cN", B, [1]), vi("i1", I, [1]), vi("kN", F, None), vi("s", F, None)],
                         [const("one", np.array([1])), const("three", np.array([3]))])
save("unroll", [node("Loop", ["n", "c", "i", "k"], ["iN", "y", "z"], body=body)], [vi("x", F, [5, 4])], y,
     [const("n", np.int64(2 ** 63 - 1)), const("c", np.bool_(True)), const("i", np.array([0])), rand("k", 1, 2)])
save("compound", [node("Col2Im", ["x", "image", "block"], ["c"], pads=[1, 1, 1, 1], strides=[2, 1]),
                  node("DFT", ["c", "len", "axis"], ["d"], onesided=0),
                  node("ReverseSequence", ["d", "lens"], ["y"], time_axis=0, batch_axis=1)],
     [vi("x", F, [2, 12, 9])], y, [const("image", np.array([6, 2])), const("block", np.array([3, 2])),
                                    const("len", np.int64(5)), const("axis", np.int64(1)), const("lens", np.array([1, 2, 1, 1, 1]))],
     opset=20)
then = helper.make_graph([node("Relu", ["x"], ["a"])], "then", [], [vi("a", F, [3])])
other = helper.make_graph([node("Neg", ["x"], ["b"])], "else", [], [vi("b", F, [3])])
save("if", [node("If", ["c"], ["y"], then_branch=then, else_branch=other)], [vi("x", F, [3]), vi("c", B, [])], y)
save("quant", [node("QuantizeLinear", ["x", "s", "z"], ["q"]), node("DequantizeLinear", ["q", "s", "z"], ["d"]),
               node("DynamicQuantizeLinear", ["d"], ["dq", "ds", "dz"]), node("ConvInteger", ["dq", "w", "dz"], ["ci"]),
               node("Cast", ["ci"], ["y"], to=F)],
     x4, y, [const("s", np.float32(0.1)), const("z", np.uint8(128)), const("w", rng.randint(0, 255, (2, 2, 3, 3)).astype(np.uint8))])
save("index", [node("TopK", ["x", "k"], ["v", "i"], axis=1), node("GatherElements", ["x", "i"], ["g"], axis=1),
               node("ScatterElements", ["x", "i", "v"], ["s"], axis=1, reduction="add"), node("ScatterND", ["s", "nd", "up"], ["n"]),
               node("GatherND", ["n", "nd"], ["gn"]), node("ArgMax", ["n"], ["am"], axis=1), node("OneHot", ["am", "dep", "hot"], ["oh"]),
               node("CumSum", ["oh", "ax"], ["y"])],
     [vi("x", F, [3, 4])], y, [const("k", np.array([2])), const("nd", np.array([[0, 1], [2, 3]])), rand("up", 2),
                              const("dep", np.int64(4)), const("hot", np.array([0, 1], np.float32)), const("ax", np.int64(0))], opset=16)
save("dynamic", [node("Conv", ["x", "w"], ["c"], auto_pad="SAME_UPPER"), node("GlobalAveragePool", ["c"], ["g"]),
                 node("Mul", ["c", "g"], ["m"]), node("HardSwish", ["m"], ["y"])],
     [vi("x", F, ["batch", 2, 6, 6])], y, [rand("w", 3, 2, 3, 3)])
save("region", [node("DeformConv", ["x", "w", "o", "", "m"], ["c"], pads=[1, 1, 1, 1], kernel_shape=[3, 3]),
                node("RoiAlign", ["c", "r", "i"], ["a"], output_height=3, output_width=3, spatial_scale=0.5),
                node("RandomNormalLike", ["a"], ["n"], seed=2.0), node("Add", ["a", "n"], ["s"]), node("Det", ["s"], ["y"])],
     [vi("x", F, [1, 2, 6, 5]), vi("o", F, [1, 18, 6, 5]), vi("m", F, [1, 9, 6, 5]), vi("r", F, [2, 4]), vi("i", I, [2])],
     [vi("y", F, [2, 3])], [rand("w", 3, 2, 3, 3)], opset=19)
save("grid", [node("GridSample", ["x", "g"], ["s"], padding_mode="reflection"), node("Einsum", ["s", "w"], ["y"], equation="nchw,cd->ndhw")],
     x4, y, [rand("g", 1, 3, 3, 2), rand("w", 2, 3)], opset=16)
save("half", [node("Conv", ["x", "w"], ["y"])], [vi("x", TensorProto.FLOAT16, [1, 1, 4, 4])],
     [vi("y", TensorProto.FLOAT16, [1, 1, 2, 2])], [const("w", rng.randn(1, 1, 3, 3).astype(np.float16))])

# wrong on purpose
save("bad-cycle", [node("Add", ["x", "b"], ["a"]), node("Relu", ["a"], ["b"])], [vi("x", F, [3])], [vi("b", F, [3])])
save("bad-operator", [helper.make_node("Frobnicate", ["x"], ["y"], name="dec4/\x1bup")], [vi("x", F, [3])], y)
save("bad-huge", [node("ConstantOfShape", ["s"], ["c"]), node("Add", ["x", "c"], ["y"])], [vi("x", F, [1])], y,
     [const("s", np.array([1 << 20, 1 << 19]))])
save("bad-dims", [node("Relu", ["x"], ["y"])], [vi("x", F, [1 << 31, 1 << 31, 4])], y)
deep = helper.make_graph([node("Relu", ["x"], ["o"])], "g", [], [vi("o", F, [3])])
for level in range(40):
    deep = helper.make_graph([helper.make_node("If", ["c"], ["o"], then_branch=deep, else_branch=deep if level < 3 else helper.make_graph(
        [node("Relu", ["x"], ["o"])], "e", [], [vi("o", F, [3])]))], "g", [], [vi("o", F, [3])])
save("bad-deep", list(deep.node), [vi("x", F, [3]), vi("c", B, [])], [vi("o", F, [3])])
tensor = TensorProto(name="w", data_type=F, dims=[4], data_location=TensorProto.EXTERNAL)
for key, value in (("location", "../../../etc/passwd"), ("offset", "0"), ("length", "16")):
    entry = tensor.external_data.add()
    entry.key, entry.value = key, value
save("bad-external", [node("Add", ["x", "w"], ["y"])], [vi("x", F, [4])], y, [tensor])
save("bad-trips", [node("Loop", ["n", "t", "h0"], ["hN", "y"], body=body)], [vi("x", F, [5, 4])], y,
     [rand("h0", 4), const("n", np.int64(1 << 60)), const("t", np.bool_(True))])
body = helper.make_graph([node("Add", ["h", "h"], ["hn"])], "body", [vi("i", I, []), vi("c", B, []), vi("h", F, [4])],
                         [vi("hn", F, [4]), vi("hn", F, [4])])
save("bad-condition", [node("Loop", ["n", "t", "x"], ["y"], body=body)], [vi("x", F, [4])], y,
     [const("n", np.int64(5)), const("t", np.bool_(True))])
save("bad-resize", [node("Resize", ["x", "", "", "s"], ["y"])], [vi("x", F, [1, 1, 1, 4])], y,
     [const("s", np.array([1, 1, 1, 1 << 26]))])

# every axis repeats, and every axis has elements to repeat
save("tile", [node("Tile", ["x", "r"], ["y"])], [vi("x", F, [2] * 8)], y, [const("r", np.array([2] * 8))])
save("bad-inputs", [node("Pow", ["x", "x", "z"], ["y"])], [vi("x", F, [1])], y, [const("z", np.zeros(64, np.int64))])
save("bad-gap", [node("Add", ["x", "x", ""], ["y"])], [vi("x", F, [1])], y)
save("bad-isnan", [node("IsNaN", ["x"], ["b"]), node("Cast", ["b"], ["y"], to=F)], [vi("x", I, [64])], y)
save("bad-group", [node("GroupNormalization", ["x", "s", "b"], ["y"], num_groups=2)], [vi("x", F, [1, 64, 2])], y,
     [rand("s", 64), rand("b", 2)], opset=18)

# the selective scan, as a Scan that becomes one node, and as that node
body = helper.make_graph(
    [node("Unsqueeze", ["dt", "m1"], ["dt1"]), node("Mul", ["dt1", "A"], ["dA"]), node("Exp", ["dA"], ["a"]),
     node("Mul", ["a", "h"], ["ah"]), node("Unsqueeze", ["du", "m1"], ["du1"]), node("Unsqueeze", ["B", "p1"], ["B1"]),
     node("Mul", ["du1", "B1"], ["b"]), node("Add", ["ah", "b"], ["hn"]), node("Unsqueeze", ["C", "m1"], ["C1"]),
     node("MatMul", ["hn", "C1"], ["y1"]), node("Squeeze", ["y1", "m1"], ["yt"])],
    "body", [vi("h", F, [2, 3, 4]), vi("dt", F, [2, 3]), vi("du", F, [2, 3]), vi("B", F, [2, 4]), vi("C", F, [2, 4])],
    [vi("hn", F, [2, 3, 4]), vi("yt", F, [2, 3])], [const("m1", np.array([-1])), const("p1", np.array([1]))])
wide = [vi("u", F, [2, 5, 3]), vi("d", F, [2, 5, 3]), vi("p", F, [2, 5, 4]), vi("q", F, [2, 5, 4])]
save("selective-scan", [node("Mul", ["d", "u"], ["w"]),
                        node("Scan", ["h0", "d", "w", "p", "q"], ["hN", "ys"], body=body, num_scan_inputs=4,
                             scan_input_axes=[1] * 4, scan_output_axes=[1]),
                        node("Mul", ["u", "D"], ["s"]), node("Add", ["ys", "s"], ["y"])],
     wide, y, [const("h0", np.zeros((2, 3, 4), np.float32)), rand("A", 2, 3, 4), rand("D", 1, 1, 3)])
save("selective-scan-op", [node("SelectiveScan", ["u", "d", "p", "q", "A", "D"], ["y"], domain="sagitta")],
     wide, y, [rand("A", 3, 4), rand("D", 3)])

# operators that are written out, recurrent cells, lists
save("cells", [node("GRU", ["x", "w", "r", "b"], ["g", "gh"], hidden_size=3, direction="reverse", linear_before_reset=1),
               node("Squeeze", ["g", "onev"], ["s"]), node("LSTM", ["s", "w2", "r2", "", "len"], ["l"], hidden_size=2),
               node("Identity", ["l"], ["y"])],
     [vi("x", F, [4, 2, 3])], y, [rand("w", 1, 9, 3), rand("r", 1, 9, 3), rand("b", 1, 18), rand("w2", 1, 8, 3),
                                  rand("r2", 1, 8, 2), const("onev", np.array([1])), const("len", np.array([4, 2], np.int32))])
save("attention", [node("Attention", ["x", "x", "x", "m"], ["a"], q_num_heads=2, kv_num_heads=2, is_causal=1),
                   node("RotaryEmbedding", ["a", "c", "c"], ["r"], num_heads=2, interleaved=1),
                   node("LinearAttention", ["r", "r", "x", "", "d", "d"], ["y"], q_num_heads=2, kv_num_heads=2,
                        update_rule="gated_delta")],
     [vi("x", F, [1, 3, 8])], y, [rand("m", 3, 3), rand("c", 1, 3, 2), rand("d", 1, 3, 2)], opset=27)
save("einsum", [node("Einsum", ["x", "x"], ["a"], equation="...ij,...kj->...ki"),
                node("Einsum", ["a", "v"], ["y"], equation="bcij,j->bic")], x4, y, [rand("v", 6)])
save("centre", [node("CenterCropPad", ["x", "s"], ["a"], axes=[2, 3]), node("AffineGrid", ["t", "n"], ["g"]),
                node("GridSample", ["a", "g"], ["k"]), node("MeanVarianceNormalization", ["k"], ["y"])],
     x4, y, [const("s", np.array([4, 7])), rand("t", 1, 2, 3), const("n", np.array([1, 2, 3, 4]))], opset=20)
save("bad-grid", [node("AffineGrid", ["t", "n"], ["y"])], [vi("t", F, [1, 2, 3])], y,
     [const("n", np.array([1, 2, 12000, 13000]))], opset=20)
grow = helper.make_graph([node("Gather", ["x", "i"], ["xi"], axis=1), node("Add", ["h", "xi"], ["hn"]),
                          node("SequenceInsert", ["q", "hn"], ["qn"]), node("Identity", ["c"], ["cn"])], "body",
                         [vi("i", I, []), vi("c", B, []), vi("h", F, None), vi("q", F, None)],
                         [vi("cn", B, []), vi("hn", F, None), vi("qn", F, None)])
save("lists", [node("SequenceEmpty", [], ["e"]), helper.make_node("Loop", ["n", "t", "h0", "e"], ["hN", "list"], body=grow),
               node("ConcatFromSequence", ["list"], ["s"], axis=1, new_axis=1), node("SplitToSequence", ["s", "two"], ["p"], axis=1),
               node("SequenceAt", ["p", "t0"], ["y"])],
     [vi("x", F, [2, 5, 3])], y, [rand("h0", 2, 3), const("n", np.int64(5)), const("t", np.bool_(True)),
                                  const("two", np.int64(2)), const("t0", np.int64(1))])
nest = [node("Identity", ["a"], ["ao"])]
for level in range(4):
    inner = helper.make_graph([node("Identity", ["c%d" % level], ["k%d" % level])] + nest, "b",
                              [vi("i%d" % level, I, []), vi("c%d" % level, B, []), vi("a" if level == 0 else "s%d" % level, F, [3])],
                              [vi("k%d" % level, B, []), vi("ao" if level == 0 else "so%d" % level, F, [3])])
    nest = [helper.make_node("Loop", ["n", "t", "s%d" % (level + 1) if level < 3 else "x"], ["so%d" % (level + 1) if level < 3 else "y"],
                             body=inner)]
save("bad-nest", nest, [vi("x", F, [3])], y, [const("n", np.int64(1000)), const("t", np.bool_(True))])

# a state that doubles; trips that must be written out, and are too many; functions that double; columns of a huge image
keep = [node("Identity", ["c"], ["cN"])]
body = helper.make_graph(keep + [node("Concat", ["h", "h"], ["hN"], axis=0)], "body",
                         [vi("i", I, []), vi("c", B, []), vi("h", F, None)], [vi("cN", B, []), vi("hN", F, None)])
save("bad-grow", [node("Loop", ["n", "c", "x"], ["y"], body=body)], [vi("x", F, [4])], y,
     [const("n", np.int64(60)), const("c", np.bool_(True))])
body = helper.make_graph(keep + [node("Unsqueeze", ["i", "zero"], ["j"]), node("Slice", ["x", "j", "j"], ["hN"])], "body",
                         [vi("i", I, []), vi("c", B, []), vi("h", F, None)], [vi("cN", B, []), vi("hN", F, None)],
                         [const("zero", np.array([0]))])
save("bad-unroll", [node("Loop", ["n", "c", "x"], ["y"], body=body)], [vi("x", F, [4])], y,
     [const("n", np.int64(100000)), const("c", np.bool_(True))])
kinds = [helper.make_opsetid("", 17), helper.make_opsetid("f", 1)]
bomb = [helper.make_function("f", "F0", ["a"], ["b"], [node("Relu", ["a"], ["b"])], kinds)]
bomb += [helper.make_function("f", f"F{i + 1}", ["a"], ["b"], [node(f"F{i}", ["a"], ["t"], domain="f"),
                                                               node(f"F{i}", ["t"], ["b"], domain="f")], kinds) for i in range(30)]
graph = helper.make_graph([node("F30", ["x"], ["y"], domain="f")], "bad-bomb", [vi("x", F, [4])], y)
model = helper.make_model(graph, opset_imports=kinds)
model.functions.extend(bomb)
with open(os.path.join(OUT, "bad-bomb.onnx"), "wb") as file:
    file.write(model.SerializeToString())
save("bad-columns", [node("Col2Im", ["x", "image", "block"], ["y"])], [vi("x", F, [1, 4, 4])], y,
     [const("image", np.array([2 ** 62, 2])), const("block", np.array([2, 2]))], opset=18)
