"""What a pruned network takes: encodings, the byte ledger over them, and the files to download."""
