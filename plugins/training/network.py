# SPDX-License-Identifier: Apache-2.0
"""An ONNX file as a network to train on: what `sagitta-cli compress` has made smaller is refined, and written
back into the same graph. Also fake quantisation (QAT) and the loss of a student beside its teacher.
"""
import os

import numpy as np
import onnx
import torch
import torch.nn as nn
import torch.nn.functional as F
from onnx import numpy_helper

WEIGHTED = ('Conv', 'ConvTranspose', 'MatMul', 'Gemm')


def fake_quantise(x, axis=None):
    """What INT8 makes of x, with the gradient of x: symmetric and by channel for weights (axis), else by the least
    and the greatest value, as the engine does at run time."""
    with torch.no_grad():
        if axis is not None:
            others = [a for a in range(x.dim()) if a != axis]
            scale = x.abs().amax(others, keepdim=True).clamp(min=1e-12) / 127
            q = (x / scale).round().clamp(-127, 127) * scale
        else:
            low, high = x.min().clamp(max=0), x.max().clamp(min=0)
            scale = ((high - low) / 255).clamp(min=1e-12)
            q = ((x - low) / scale).round() * scale + low
    return x + (q - x).detach()


class OnnxNet(nn.Module):
    def __init__(self, path, qat=False):
        super().__init__()
        self.model = onnx.load(path)
        self.qat = qat
        graph = self.model.graph
        self.names, self.fixed = [], {}
        self.weights = nn.ParameterList()
        statistics = {n for node in graph.node if node.op_type == 'BatchNormalization' for n in node.input[3:5]}
        for tensor in graph.initializer:
            self.keep(tensor.name, numpy_helper.to_array(tensor), tensor.name not in statistics)
        for node in graph.node:
            if node.op_type == 'Constant':
                self.fixed[node.output[0]] = torch.from_numpy(numpy_helper.to_array(node.attribute[0].t).copy())
        self.nodes = [n for n in graph.node if n.op_type != 'Constant']
        weighted = [n for n in self.nodes if n.op_type in WEIGHTED and n.input[1] in self.names]
        self.quantised = {id(n) for n in weighted[1:-1]} if qat else set()
        self.alone = any(n.op_type == 'Concat' and graph.input[0].name in n.input and n.attribute[0].i == 0
                         for n in self.nodes)

    def keep(self, name, array, trained):
        if array.dtype == np.float32 and trained:
            self.names.append(name)
            self.weights.append(nn.Parameter(torch.from_numpy(array.copy())))
        else:
            self.fixed[name] = torch.from_numpy(array.copy())

    def forward(self, x):
        if self.alone and len(x) > 1:  # an image and its mirror image are a batch of the graph's own
            return torch.cat([self(x[n:n + 1]) for n in range(len(x))])
        values = dict(self.fixed)
        values.update(zip(self.names, self.weights))
        values[self.model.graph.input[0].name] = x
        for node in self.nodes:
            inputs = [values[n] if n else None for n in node.input]
            if id(node) in self.quantised:
                axis = 1 if node.op_type in ('MatMul', 'ConvTranspose') else 0
                inputs[0], inputs[1] = fake_quantise(inputs[0]), fake_quantise(inputs[1], axis)
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            outputs = run_node(node.op_type, inputs, attributes, len(node.output))
            values.update(zip(node.output, outputs if isinstance(outputs, (list, tuple)) else [outputs]))
        return values[self.model.graph.output[0].name]

    def save(self, path):
        arrays = dict(zip(self.names, self.weights))
        for tensor in self.model.graph.initializer:
            if tensor.name in arrays:
                array = arrays[tensor.name].detach().contiguous().numpy()
                tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
        onnx.save(self.model, path + '.new')
        os.replace(path + '.new', path)


def pad(x, pads):
    n = len(pads) // 2
    if not any(pads):
        return x
    return F.pad(x, [p for a in reversed(range(n)) for p in (pads[a], pads[a + n])])


def conv(x, w, b, a, transposed):
    n = w.dim() - 2
    pads, strides = a.get('pads', [0] * 2 * n), a.get('strides', [1] * n)
    if transposed:
        f = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[n - 1]
        return f(x, w, b, strides, pads[:n], a.get('output_padding', 0), a.get('group', 1), a.get('dilations', 1))
    if pads[:n] != pads[n:]:
        x, pads = pad(x, pads), [0] * n
    return (F.conv1d, F.conv2d, F.conv3d)[n - 1](x, w, b, strides, pads[:n], a.get('dilations', 1), a.get('group', 1))


def pool(x, a, kind):
    n = x.dim() - 2
    f = getattr(F, f'{kind}_pool{n}d')
    return f(x, a['kernel_shape'], a.get('strides', [1] * n), a.get('pads', [0] * n)[:n])


def resize(x, inputs, a):
    mode = a.get('mode', b'nearest').decode()
    if mode == 'nearest':
        kind = {'mode': 'nearest'}
    else:
        kind = {'mode': {3: 'linear', 4: 'bilinear', 5: 'trilinear'}[x.dim()],
                'align_corners': a.get('coordinate_transformation_mode', b'half_pixel') == b'align_corners'}
    if len(inputs) > 3 and inputs[3] is not None:
        return F.interpolate(x, size=[int(s) for s in inputs[3][2:]], **kind)
    return F.interpolate(x, scale_factor=[float(s) for s in inputs[2][2:]], **kind)


def slice_of(x, i):
    axes = i[3].tolist() if len(i) > 3 and i[3] is not None else list(range(len(i[1])))
    steps = i[4].tolist() if len(i) > 4 and i[4] is not None else [1] * len(axes)
    for axis, begin, end, step in zip(axes, i[1].tolist(), i[2].tolist(), steps):
        if step > 0:
            x = x[(slice(None),) * (axis % x.dim()) + (slice(begin, end, step),)]
        else:
            n = x.shape[axis]
            index = list(range(n))[slice(begin, None if end < -n else end, step)]
            x = x.index_select(axis, torch.tensor(index, dtype=torch.long))
    return x


def reduce_mean(x, i, a):
    axes = a.get('axes') or (i[1].tolist() if len(i) > 1 and i[1] is not None else list(range(x.dim())))
    return x.mean(tuple(axes), keepdim=bool(a.get('keepdims', 1)))


def split(x, i, a, n):
    axis = a.get('axis', 0)
    sizes = i[1].tolist() if len(i) > 1 and i[1] is not None else [x.shape[axis] // n] * n
    return list(x.split(sizes, axis))


def run_node(op, i, a, n):
    x = i[0]
    simple = {'Relu': torch.relu, 'Sigmoid': torch.sigmoid, 'Tanh': torch.tanh, 'Erf': torch.erf, 'Exp': torch.exp,
              'Sqrt': torch.sqrt, 'Softplus': F.softplus, 'Neg': torch.neg, 'Identity': lambda v: v,
              'HardSwish': F.hardswish, 'Elu': lambda v: F.elu(v, a.get('alpha', 1.0)),
              'LeakyRelu': lambda v: F.leaky_relu(v, a.get('alpha', 0.01)), 'Shape': lambda v: torch.tensor(v.shape),
              'GlobalAveragePool': lambda v: v.mean(tuple(range(2, v.dim())), keepdim=True)}
    double = {'Add': torch.add, 'Sub': torch.sub, 'Mul': torch.mul, 'Div': torch.div, 'Pow': torch.pow,
              'MatMul': torch.matmul, 'PRelu': lambda v, s: torch.where(v >= 0, v, v * s)}
    if op in simple:
        return simple[op](x)
    if op in double:
        return double[op](x, i[1])
    if op in ('Conv', 'ConvTranspose'):
        return conv(x, i[1], i[2] if len(i) > 2 else None, a, op == 'ConvTranspose')
    if op in ('MaxPool', 'AveragePool'):
        return pool(x, a, 'max' if op == 'MaxPool' else 'avg')
    if op == 'Gemm':
        y = x @ (i[1].t() if a.get('transB', 0) else i[1])
        return y + i[2] if len(i) > 2 else y
    if op == 'Clip':
        return torch.clamp(x, i[1] if len(i) > 1 else None, i[2] if len(i) > 2 else None)
    if op == 'InstanceNormalization':
        return F.instance_norm(x, None, None, i[1], i[2], eps=a.get('epsilon', 1e-5))
    if op == 'BatchNormalization':
        return F.batch_norm(x, i[3], i[4], i[1], i[2], eps=a.get('epsilon', 1e-5))
    if op == 'LayerNormalization':
        return F.layer_norm(x, x.shape[a.get('axis', -1):], i[1], i[2] if len(i) > 2 else None, a.get('epsilon', 1e-5))
    if op == 'Concat':
        return torch.cat(i, a['axis'])
    if op == 'Reshape':
        return x.reshape([x.shape[k] if s == 0 else int(s) for k, s in enumerate(i[1].tolist())])
    if op == 'Transpose':
        return x.permute(*a['perm'])
    if op == 'Squeeze':
        for axis in sorted((i[1].tolist() if len(i) > 1 else a['axes']), reverse=True):
            x = x.squeeze(axis)
        return x
    if op == 'Unsqueeze':
        for axis in sorted(i[1].tolist() if len(i) > 1 else a['axes']):
            x = x.unsqueeze(axis)
        return x
    if op == 'Gather':
        axis = a.get('axis', 0)
        index = i[1].flatten() % x.shape[axis]  # from the end if negative
        return x.index_select(axis, index).reshape(x.shape[:axis] + i[1].shape + x.shape[axis + 1:])
    if op == 'Softmax':
        return x.softmax(a.get('axis', -1))
    if op == 'ReduceMean':
        return reduce_mean(x, i, a)
    if op == 'Slice':
        return slice_of(x, i)
    if op == 'Split':
        return split(x, i, a, n)
    if op == 'Resize':
        return resize(x, i, a)
    if op == 'SelectiveScan':
        from scan import selective_scan
        return selective_scan(*i)
    raise SystemExit(f'network.py does not know the operator {op}; write its line in run_node ()')


def distilled(loss, teacher, bf16, temperature=2.0):
    """Half the loss by truth, half by the teacher's soft answers (Hinton et al. 2015)."""
    def both(logits, label, image):
        with torch.no_grad(), torch.autocast('cpu', torch.bfloat16, enabled=bf16):
            soft = (teacher(image).float() / temperature).log_softmax(1)
        own = (logits / temperature).log_softmax(1)
        apart = F.kl_div(own, soft, reduction='none', log_target=True).sum(1).mean() * temperature ** 2
        return 0.5 * loss(logits, label) + 0.5 * apart
    return both
