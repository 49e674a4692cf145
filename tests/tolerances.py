"""How far a score may be from its reference; one place, so that a change of heart is one diff.

On the CPU a score does not depend on its company at all: those tests compare with ==.
"""

# A logit of our engine against the same graph run by onnxruntime's own Python session: the padding
# differs, so reductions may round differently.
LOGIT_SAME_GRAPH = 1e-5
# sigmoid in float64 against NumPy's.
SIGMOID = 1e-15
# A fp32 logit on CUDA against the CPU (TF32 off): other kernels, other orders of summation.
LOGIT_CUDA = 1e-3
# A logit of an exported fp32 graph against PyTorch's.
LOGIT_PYTORCH = 1e-4
