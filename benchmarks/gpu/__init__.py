"""Frame kernels and networks on a machine with a card: first checked against the CPU's results, then timed.

python -m benchmarks.gpu.prepare --arch sm_90 -o build/gpu     anywhere: compiles, and asks the CPU's kernels
python -m benchmarks.gpu build/gpu -o results.json             on the machine: numpy, zcc.runtime and the driver
"""
