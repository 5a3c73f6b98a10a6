# SPDX-License-Identifier: Apache-2.0
"""The selective scan of Mamba: trained as a loop with its own gradient, exported as one node (engine/nn/ops-scan.c)."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class Recurrence(torch.autograd.Function):
    """h[t] = a[t] h[t - 1] + b[t] from 0, along the first axis."""

    @staticmethod
    def forward(ctx, a, b):
        h = b.clone()
        for t in range(1, len(h)):
            h[t].addcmul_(a[t], h[t - 1])
        ctx.save_for_backward(a, h)
        return h

    @staticmethod
    def backward(ctx, grad):
        a, h = ctx.saved_tensors
        g = grad.clone(memory_format=torch.contiguous_format)
        for t in range(len(g) - 2, -1, -1):
            g[t].addcmul_(a[t + 1], g[t + 1])
        da = torch.zeros_like(a)
        torch.mul(g[1:], h[:-1], out=da[1:])
        return da, g


class Node(torch.autograd.Function):
    @staticmethod
    def forward(ctx, u, dt, b, c, a, d):
        return selective_scan(u, dt, b, c, a, d)

    @staticmethod
    def symbolic(g, u, dt, b, c, a, d):
        return g.op('sagitta::SelectiveScan', u, dt, b, c, a, d).setType(u.type())


def selective_scan(u, dt, b, c, a, d):
    """u, dt [K, L, C], b, c [K, L, N], a [C, N], d [C] -> y [K, L, C]."""
    u, dt, b, c = (x.transpose(0, 1).contiguous().float() for x in (u, dt, b, c))
    h = Recurrence.apply((dt[..., None] * a).exp(), (dt * u)[..., None] * b[:, :, None])
    with torch.autocast('cpu', enabled=False):
        y = torch.matmul(h, c[..., None])[..., 0] + d * u
    return y.transpose(0, 1)


class Scan(nn.Module):
    """The core of Mamba on sequences [K, L, width]: step, input and output chosen by the input itself."""

    def __init__(self, width, states=4, rank=None):
        super().__init__()
        self.rank, self.states = rank or max(1, width // 8), states
        self.choose = nn.Linear(width, self.rank + 2 * states, bias=False)
        self.step = nn.Linear(self.rank, width)
        nn.init.uniform_(self.step.weight, -self.rank ** -0.5, self.rank ** -0.5)
        first = torch.exp(torch.linspace(0, 1, width) * 4.6 - 6.9)  # steps from 0.001 to 0.1
        self.step.bias.data = first + torch.log(-torch.expm1(-first))
        self.log_a = nn.Parameter(torch.log(torch.arange(1.0, states + 1)).repeat(width, 1))
        self.skip = nn.Parameter(torch.ones(width))

    def forward(self, u):
        dt, b, c = self.choose(u).split((self.rank, self.states, self.states), -1)
        dt = F.softplus(self.step(dt))
        scan = Node.apply if torch.onnx.is_in_onnx_export() else selective_scan
        return scan(u, dt, b, c, -self.log_a.exp(), self.skip)
