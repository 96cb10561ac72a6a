"""Networks that visitors bring, run by ONNX Runtime.

apart      a file opened for the first time, in a process of its own with limits
graph      a graph that has passed the checks, and the same with other weights; its checks, layers and parts
runtime    answers and activations
finding    how pictures are read, found by measuring
inside     what its layers read and make
repair     repair without labels
statistic  what criteria read besides the weights
opening    one file, for the workers and the command: its graph, and how it reads pictures
package    the files to take home
network    what the tasks ask of a run
pruning    what the command does, step by step
"""
