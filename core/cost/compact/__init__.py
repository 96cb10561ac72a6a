"""The compact encoding, the smallest lossless one here. Its specification is that of its decoder."""

from core.cost.compact.decoder import Bits, DamagedError, decode, unpack
from core.cost.compact.encoder import encode, entropy, grid, pack, smallest

__all__ = ["Bits", "DamagedError", "decode", "encode", "entropy", "grid", "pack", "smallest", "unpack"]
