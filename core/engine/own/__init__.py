"""Networks that visitors bring, run by ONNX Runtime.

apart      a file opened for the first time, in a process of its own with limits
graph      the layers of a graph, and the same graph with other weights
runtime    answers and activations
finding    how pictures are read, found by measuring
repair     repair without labels, and what criteria read besides the weights
"""
