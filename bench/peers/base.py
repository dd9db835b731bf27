"""What a peer is. The descriptions are read by compare.py without the framework; prepare and load run in a worker,
in the peer's own environment, and import it."""


class Peer:
    key = ""  # of PEERS, and of --peers
    title = ""  # in the table
    environment = ""  # folder of the virtual environment; "": the standard library suffices
    packages = ()  # what --setup installs there; alternatives of one requirement are separated by " | "
    install_environ = {}  # environment variables of that installation
    deployed = ()  # distributions that a deployment needs; these, with what they require, are the installed size
    per_threads = False  # whether what prepare makes depends on the number of threads
    # Settings by precision and variant. The key "" is a peer's only variant.
    variants = {}

    def environ(self, case):
        """Environment variables of the worker."""
        return {"OMP_NUM_THREADS": str(case.threads)}

    def version(self):
        import importlib.metadata
        return importlib.metadata.version(self.deployed[0])

    def prepare(self, case):
        """Writes what is loaded later into case.folder; stands for export, compilation, quantization."""

    def load(self, case):
        """Returns a function that runs the batch once; it takes nothing and returns the outputs."""
        raise NotImplementedError

    def save(self, result, path):
        """Writes outputs as f32 [batch, outputs]."""
        import numpy as np
        np.ascontiguousarray(result, np.float32).tofile(path)
