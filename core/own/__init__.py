"""A network that a visitor brings: what its file holds, how its input is read, and what stands in the way.

file       what the first bytes of a file say, before anything opens it
outline    the layers, the input and the output of a graph
reading    how pictures become the network's input, and which readings are plausible
looking    the job of looking at a file
architectures  the names of torchvision's networks
found      which of them was found to be right
"""
