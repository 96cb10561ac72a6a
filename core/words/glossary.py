"""The terms of the field as PruneLab uses them, each in a sentence or two for newcomers."""

TERMS: dict[str, str] = {
    "Weight": (
        "One of the numbers by which a network multiplies its inputs. Training finds them. Here: the entries of "
        "the kernels of convolutions and fully connected layers. Biases and normalisation are not counted and "
        "never pruned."
    ),
    "Kernel": "The table of weights of one layer. In a convolution: one small pattern for each filter and input.",
    "Filter": (
        "The part of a convolution's kernel that computes one of its outputs; in a fully connected layer, one neuron."
    ),
    "Convolution": (
        "A layer that slides small patterns, its filters, over an image and records how well each fits at each place. "
        "In a fully connected layer, every output reads every input instead."
    ),
    "Batch normalisation": (
        "A step after a convolution that brings its outputs to a common mean and spread, which speeds up training."
    ),
    "Residual block": "Layers whose output is added to their input. Deep networks with such blocks train more easily.",
    "Recipe": "All settings of a training: how long, with what steps, with which changes to the images.",
    "Magnitude": "A weight without its sign, |w|. Magnitude pruning removes the weights closest to zero first.",
    "Pruning": "Setting weights to zero, in the hope that the network gives the same answers without them.",
    "Dense and pruned": (
        "The dense network is the network before pruning, with all its weights. In the pruned network, k of them are "
        "set to zero."
    ),
    "Repair": (
        "Changes to a pruned network that need neither labels nor training: on a sample of training images, it is "
        "brought closer to the dense network. What was set to zero stays zero. The result is the repaired network."
    ),
    "Batch norm re-measured": (
        "A repair. The means and spreads by which batch normalisation scales its inputs were measured on the dense "
        "network; they are measured again on the pruned one. No weight changes."
    ),
    "Refitting": (
        "A repair. The remaining weights of each layer are chosen again, by least squares, so that its outputs come "
        "close to the dense network's. Then batch norm is re-measured."
    ),
    "Sparsity": "The share of all weights that is zero. 0.01 % is one in ten thousand; k of N is the exact number.",
    "Threshold": (
        "The largest magnitude that was set to zero: everything below it is removed, everything above it is kept."
    ),
    "Criterion": (
        "The rule for which weights go first: by magnitude, at random, by sign, or by an estimate of their importance."
    ),
    "Scope": (
        "Which weights compete. Global: those of all layers together. Layerwise: those of one layer, with the same "
        "share pruned in each. ERK: those of one layer, with a larger share pruned in large layers. N:M: those of four "
        "neighbouring inputs of a filter; at 50 % exactly two of each four are left (2:4)."
    ),
    "Accuracy": ("The share of test images that the network classifies correctly. It saw none of them in training."),
    "Difference": (
        "Accuracy of the pruned network minus that of the dense one, on the same images, in percentage points."
    ),
    "Percentage points": "The unit of a difference of percentages, pp: from 90 % to 88 % is −2 pp.",
    "95 % interval": (
        "Where the true value plausibly lies, given the limited number of test images. If the interval of a "
        "difference contains zero, chance alone can explain the difference."
    ),
    "McNemar test": (
        "How likely chance alone would make lost and gained answers differ by this much or more. A small p speaks "
        "against chance."
    ),
    "Lost and gained": (
        "Lost: images that the dense network gets right and the pruned one gets wrong. Gained: the reverse."
    ),
    "Brought back": (
        "Images that the dense network gets right, the pruned one wrong and the repaired one right again. Still lost: "
        "the repaired one is wrong too. Newly lost: the pruned one is right, the repaired one wrong."
    ),
    "Churn": "The share of images whose answer changed at all, right or wrong.",
    "Calibration error": (
        "How far confidence (the probability that the network gives its answer) and accuracy are apart: the mean of "
        "|accuracy − confidence| over 15 bins of equal width, each counted by its images. 0 pp: of the answers given "
        "with 80 %, 80 % are correct."
    ),
    "Confusion matrix": "How often images of each true class (rows) get each answer (columns).",
    "Stop": "A sparsity at which everything was computed in advance, so the slider responds at once.",
    "Multiplications": (
        "How many products one image takes. In theory, zeros need none; in practice, a processor saves them only if "
        "the software skips zeros."
    ),
    "Compact encoding": "Our format for storing a pruned network in as few bytes as we can, without losing a bit.",
    "Entropy bound": "The fewest bytes that any encoding of this kind can take (Shannon).",
    "Control": "The network before pruning, stored in the same way: it shows what compression saves without pruning.",
    "Pareto line": (
        "Of many networks those that are worth considering: no other takes no more bytes and is at least as accurate. "
        "To get more accuracy than such a network has, you need more bytes."
    ),
    "Retraining": "More training after pruning, with the pruned weights held at zero. Also called fine-tuning.",
    "Recall and precision": (
        "Recall: of the images of a class, the share that is recognised. Precision: of the images that the network "
        "assigns to a class, the share that belongs to it."
    ),
    "Holm's correction": (
        "Ten tests often find one false difference. This raises each p, so that all of them together are wrong as "
        "rarely as a single test."
    ),
    "Mean over sparsities": (
        "The area under the curve of accuracy over sparsity, divided by its width: one number for how well a network "
        "tolerates pruning."
    ),
    "Epoch": "One pass over all training images.",
    "Validation images": (
        "Images held out from the training images; the network is not trained on them. Choices, such as how many "
        "weights may go within a margin, are made on them, so the test images stay unseen."
    ),
    "Margin": "The change of accuracy that you would accept; a search finds how many weights may go within it.",
    "Bitmask, CSR, COO": (
        "Formats for a table that is mostly zero: one bit for each weight and the values of the kept ones (bitmask), "
        "or the kept values with their places, by rows (CSR) or one by one (COO)."
    ),
    "Break-even": "The sparsity above which such a format takes fewer bytes than storing every weight.",
    "float16, int8, int4": (
        "Weights rounded to 16, 8 or 4 bits each: the fewer bits, the fewer bytes and the coarser the rounding. int8 "
        "and int4 are whole numbers, and each output channel has a number, its scale, by which they are multiplied."
    ),
    "ONNX": "A file format for networks that programs other than torch can read and run.",
    "Wanda and OBS": (
        "Criteria that look at what a layer reads. Wanda: a weight's magnitude times the size of its input. OBS, "
        "Optimal Brain Surgeon: how much the layer's output would change without the weight, if the other weights of "
        "its filter made up for it as well as they can."
    ),
    "LAMP and Taylor": (
        "Other criteria. LAMP: the square of a weight, divided by the sum of the squares of all weights in its layer "
        "that are not smaller. Taylor: how much the loss would change without the weight, estimated from its gradient."
    ),
    "Rewinding": "Retraining that starts from the weights early in training instead of the final ones.",
    "Idle filter": (
        "A filter whose weights and output are all zero, or whose output nothing reads. Without it, the network gives "
        "the same answers."
    ),
    "Prediction interval": (
        "Where the value of one more network of the same kind would probably fall. It is wider than the interval of "
        "the mean, which says where the average of all such networks lies."
    ),
    "Entropy": "How uncertain an answer is: zero if one class has all the probability, largest if all have the same.",
    "Feature map": "The output of one filter for one image: a small picture of where its pattern was found.",
    "Gradual pruning": (
        "Pruning while the network is trained: a few more weights at a time, many at first and ever fewer towards the "
        "end, so that the other weights take over what the pruned ones did."
    ),
    "Rounded weights": (
        "With 8 bits, each filter's weights are whole numbers from −127 to 127 times one number; with 4 bits from "
        "−7 to 7, with 2 bits −1, 0 or 1. If the last part of a training uses the rounded weights, rounding costs less."
    ),
    "Teacher": (
        "A network that was trained before: a larger one, a dense one, or one of the same kind. Another learns its "
        "answers, with all their doubts, in addition to the labels. Also called distillation. The temperature makes "
        "the answers softer: every doubt counts more."
    ),
    "Muon and SGD": (
        "Two ways to turn a gradient into a step of training. SGD, stochastic gradient descent, steps along it. Muon "
        "first makes the step equally long in all directions of a kernel."
    ),
    "Seed": "The number that determines all randomness in training: another seed gives another network of its kind.",
}
"""Term -> what it means."""
