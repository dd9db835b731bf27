"""The runtimes that are compared, by key. Importing this needs none of them."""

from .ggml import Ggml
from .iree import Iree
from .jax import Jax
from .onnxruntime import OnnxRuntime
from .openvino import OpenVino
from .pytorch import PyTorch
from .tvm import Tvm
from .vitc import Vitc

PEERS = {peer.key: peer for peer in (Vitc(), OnnxRuntime(), OpenVino(), PyTorch(), Jax(), Iree(), Tvm(), Ggml())}
