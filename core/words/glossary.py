"""The words of this field as the product uses them, each in a sentence or two for anyone who is new to it."""

TERMS: dict[str, str] = {
    "Weight": (
        "One of the numbers that a network multiplies its input with. Training finds them; here, the entries of "
        "the kernels of convolutions and fully connected layers. Biases and normalisation are not counted and "
        "never pruned."
    ),
    "Kernel": "The table of weights of one layer; of a convolution, one small pattern for each filter and input.",
    "Filter": (
        "The part of a convolution's kernel that makes one of its outputs; in a fully connected layer, one neuron."
    ),
    "Convolution": (
        "A layer that moves small patterns, its filters, over an image and writes down where each fits. In a fully "
        "connected layer every output reads every input instead."
    ),
    "Batch normalisation": (
        "A step after a convolution that brings its outputs to a common mean and spread, so that training goes faster."
    ),
    "Residual block": "Layers whose answer is added to what went into them: deep networks train more easily with such.",
    "Recipe": "All that is set before a training begins: for how long, in what steps, with which changes to images.",
    "Magnitude": "A weight without its sign, |w|. Pruning by magnitude takes those closest to zero first.",
    "Pruning": "Setting weights to zero, in the hope that the network answers as before without them.",
    "Dense and pruned": (
        "The dense network is the one before pruning, with all of its weights; the pruned network has k of them "
        "set to zero."
    ),
    "Sparsity": "The share of all weights that is zero. 0.01 % is one in ten thousand; k of N is the exact number.",
    "Threshold": (
        "The largest magnitude that was set to zero: everything below it is gone, everything above it stays."
    ),
    "Criterion": (
        "What decides which weights go first: magnitude, chance, the sign, or an estimate of what each is worth."
    ),
    "Scope": (
        "Where weights compete. Global: all layers together; layerwise: the same share of each layer; ERK: large "
        "layers give more."
    ),
    "Accuracy": (
        "The share of test images whose class the network names rightly. It has seen none of them in training."
    ),
    "Difference": (
        "Accuracy of the pruned network less that of the dense one, on the same images, in percentage points."
    ),
    "Percentage points": "The unit of a difference of percentages, pp: from 90 % to 88 % is −2 pp.",
    "95 % interval": (
        "Where the true value plausibly lies, given that only so many images were tested. An interval of a "
        "difference that holds zero means that chance alone can explain it."
    ),
    "McNemar test": (
        "How likely it is that chance alone turned so many more answers wrong than right, or right than wrong. A "
        "small p speaks against chance."
    ),
    "Lost and gained": (
        "Lost: images that the dense network gets right and the pruned one wrong. Gained: the reverse."
    ),
    "Churn": "The share of images whose answer changed at all, whether it was right before or after.",
    "Confusion matrix": "How often images of each true class (rows) get each answer (columns).",
    "Stop": "A sparsity at which everything was computed beforehand, so that the slider answers at once.",
    "Multiplications": (
        "How many products one image takes. Zeros need none in theory; a processor saves them only if it is told "
        "to skip them."
    ),
    "Compact encoding": "Our way to write a pruned network down in the fewest bytes, without losing a bit.",
    "Entropy bound": "The fewest bytes that any encoding of this kind can take (Shannon).",
    "Control": "The network before pruning, written in the same way: what compression saves without any pruning.",
    "Retraining": "Training on after pruning, with what is pruned held at zero. Also called fine-tuning.",
    "Recall and precision": (
        "Recall: of the images of a class, the share that is recognised. Precision: of the images that are taken for a "
        "class, the share that is of it."
    ),
    "Holm's correction": (
        "Ten tests often find one false difference. This raises each p, so that all of them together err as rarely as "
        "one test."
    ),
    "Mean over sparsities": (
        "The area under a curve of accuracy over sparsity, over its width: one number for how well a network stands "
        "being pruned."
    ),
    "Epoch": "One pass over all training images.",
    "Validation images": (
        "Training images that the network is not trained on. What is chosen, such as a margin, is chosen on them, so "
        "that the test images stay unseen."
    ),
    "Margin": "The loss of accuracy that one is willing to accept; a search finds how many weights may go within it.",
    "Bitmask, CSR, COO": (
        "Ways to write a table that is mostly zero: one bit for each weight and the survivors' values (bitmask), or "
        "the survivors' values with their places, by rows (CSR) or one by one (COO)."
    ),
    "Break-even": "The sparsity from which such a way takes fewer bytes than writing every weight down.",
    "float16 and int8": "Weights rounded to 16 or 8 bits each: fewer bytes, a little rounding, no weight left out.",
    "ONNX": "A file format that other programs than torch can read and run a network from.",
    "LAMP and Taylor": (
        "Other criteria. LAMP: the square of a weight, over the sum of the squares of those in its layer that are not "
        "smaller. Taylor: how much the loss would change without it, judged by its slope."
    ),
    "Rewinding": "Retraining that starts from the weights of early in the training, not from those at its end.",
    "Idle filter": (
        "A filter whose weights and answer are all zero, or whose answer nothing reads: without it every answer of the "
        "network stays the same."
    ),
    "Prediction interval": (
        "Where one more network of the same kind would probably fall. It is wider than the interval of a mean, which "
        "says where the average of all such networks lies."
    ),
    "Entropy": ("How undecided an answer is: zero if one class has all the probability, largest if all have the same."),
    "Feature map": "What one filter answers to one image: a small picture of where its pattern was found.",
    "Seed": "The number that decides all chance in a training: another seed is another network of the same kind.",
}
"""Term -> what it means."""
