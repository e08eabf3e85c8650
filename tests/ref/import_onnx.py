#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The tensors of tests/golden/import_wespeaker.st as an ONNX model, written by the package onnx in each of the ways that it has:
tests/golden/import/wespeaker.onnx.
usage: python tests/ref/import_onnx.py   (from the top of the tree)"""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

tensors = []
for i, (name, x) in enumerate(sorted(load_file("tests/golden/import_wespeaker.st").items())):
    if i % 2 == 0 or x.dtype != np.float32:
        tensors.append(numpy_helper.from_array(x, name))
    else:
        tensors.append(helper.make_tensor(name, TensorProto.FLOAT, x.shape, x.reshape(-1)))
graph = helper.make_graph(
    [helper.make_node("Relu", ["feats"], ["embs"])], "wespeaker",
    [helper.make_tensor_value_info("feats", TensorProto.FLOAT, ["B", "T", 12])],
    [helper.make_tensor_value_info("embs", TensorProto.FLOAT, ["B", "T", 12])], tensors,
)
onnx.save(helper.make_model(graph, producer_name="tests"), "tests/golden/import/wespeaker.onnx")
