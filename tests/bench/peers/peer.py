#!/usr/bin/env python3
"""One contender of tests/bench/peers/run.py: does a task with another library, a round at a time.

  peer.py LIBRARY TASK ARGUMENT...

LIBRARY is openblas, onnx, ggml, torch or llama; the tasks are the functions of its class below. The
first line printed is "ready" or "absent WHY"; then each line read is answered by one round's figure
(more is better), until the input ends. One thread, on the process's CPU clock, unless a task says
otherwise. ggml and llama are taken from the module llama_cpp, whose package carries ggml's shared
libraries; OPENBLAS names libopenblas.so. Nothing is installed or built here.
"""
import ctypes as C
import os
import sys
import time

try:
    import numpy as np
except ImportError as error:
    print("absent", error)
    sys.exit(0)

ROWS, SIZE = 256, 4096
CHAIN, CHAIN_LENGTH = 1000, 1024


def absent(why):
    print("absent", str(why).splitlines()[0][:100])
    sys.exit(0)


def cpu_seconds(work):
    start = time.process_time()
    work()
    return time.process_time() - start


def floats(rows, columns):
    """Normal numbers of both signs, none near zero, none in order."""
    i = np.arange(rows * columns, dtype=np.uint32) * np.uint32(2654435761)
    return ((i >> 9).astype(np.float32) / 2**23 + 0.5).reshape(rows, columns) / 64


def blocks(kind, rows, columns):
    """Rows of GGUF's q8_0 or q4_0: a scale in f16, then 32 or 16 bytes."""
    size = {"q8_0": 34, "q4_0": 18}[kind]
    b = np.random.default_rng(1).integers(0, 256, (rows * columns // 32, size), np.uint8)
    b[:, :2] = np.frombuffer(np.float16(0.01).tobytes(), np.uint8)
    return b


class openblas:
    def __init__(self):
        try:
            self.lib = C.CDLL(os.environ.get("OPENBLAS", "libopenblas.so.0"))
        except OSError as error:
            absent(error)
        self.lib.openblas_set_num_threads(1)

    def matmul(self, n):
        n = int(n)
        a, b, out = floats(n, n), floats(n, n), np.zeros((n, n), np.float32)
        one, zero, p = C.c_float(1), C.c_float(0), [C.c_void_p(m.ctypes.data) for m in (a, b, out)]
        self.keep = a, b, out
        call = lambda: self.lib.cblas_sgemm(101, 111, 112, n, n, n, one, p[0], n, p[1], n, zero, p[2], n)
        return lambda: 2 * n**3 / cpu_seconds(call) / 1e9

    def matvec(self, kind, mib):
        if kind != "f32":
            absent("f32 alone")
        count = int(mib) * 2**20 // (4 * SIZE * SIZE)
        w, x, out = floats(SIZE * count, SIZE), floats(1, SIZE), np.zeros(SIZE, np.float32)
        self.keep = w, x, out
        one, zero = C.c_float(1), C.c_float(0)

        def pass_over():
            for i in range(count):
                self.lib.cblas_sgemv(101, 111, SIZE, SIZE, one, C.c_void_p(w[i * SIZE].ctypes.data), SIZE,
                                     C.c_void_p(x.ctypes.data), 1, zero, C.c_void_p(out.ctypes.data), 1)
        return lambda: w.nbytes / cpu_seconds(pass_over) / 1e9


class onnx:
    def __init__(self):
        try:
            import onnx as o
            import onnxruntime as ort
        except ImportError as error:
            absent(error)
        self.o, self.ort = o, ort

    def session(self, nodes, ins, outs, weights, plain=False):
        h, f = self.o.helper, self.o.TensorProto.FLOAT
        info = lambda pairs: [h.make_tensor_value_info(n, f, s) for n, s in pairs]
        init = [self.o.numpy_helper.from_array(a, n) for n, a in weights]
        m = h.make_model(h.make_graph(nodes, "g", info(ins), info(outs), init),
                         opset_imports=[h.make_opsetid("", 17), h.make_opsetid("com.microsoft", 1)])
        m.ir_version = 9
        so = self.ort.SessionOptions()
        so.intra_op_num_threads = so.inter_op_num_threads = 1
        if plain:
            so.graph_optimization_level = self.ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        return self.ort.InferenceSession(m.SerializeToString(), so, providers=["CPUExecutionProvider"])

    def run_with(self, session, x):
        bound = session.io_binding()
        bound.bind_cpu_input("x", x)
        for out in session.get_outputs():
            bound.bind_output(out.name)
        return lambda: session.run_with_iobinding(bound)

    def matmul(self, n):
        n = int(n)
        s = self.session([self.o.helper.make_node("MatMul", ["x", "w"], ["y"])], [("x", [n, n])],
                         [("y", [n, n])], [("w", floats(n, n))])
        call = self.run_with(s, floats(n, n))
        return lambda: 2 * n**3 / cpu_seconds(call) / 1e9

    def products(self, kind, rows, count):
        """`count` matrices, each its own, times the same x."""
        make, weights, nodes = self.o.helper.make_node, [], []
        for i in range(count):
            if kind == "f32":
                weights.append((f"w{i}", floats(SIZE, SIZE)))
                nodes.append(make("MatMul", ["x", f"w{i}"], [f"y{i}"]))
            elif kind in ("q8_0", "q4_0"):
                bits = int(kind[1])
                q = np.random.default_rng(i).integers(0, 256, (SIZE, SIZE // 32, 4 * bits), np.uint8)
                weights += [(f"q{i}", q), (f"s{i}", floats(SIZE, SIZE // 32).reshape(-1))]
                nodes.append(make("MatMulNBits", ["x", f"q{i}", f"s{i}"], [f"y{i}"], domain="com.microsoft",
                                  K=SIZE, N=SIZE, bits=bits, block_size=32, accuracy_level=4))
            else:
                absent(f"{kind} is not there")
        return self.session(nodes, [("x", [rows, SIZE])], [(f"y{i}", [rows, SIZE]) for i in range(count)], weights)

    def matvec(self, kind, mib):
        each = SIZE * SIZE * {"f32": 32, "q8_0": 9, "q4_0": 5}.get(kind, 32) // 8  # scales are f32
        count = int(mib) * 2**20 // each
        call = self.run_with(self.products(kind, 1, count), floats(1, SIZE))
        return lambda: count * each / cpu_seconds(call) / 1e9

    def prefill(self, kind):
        call = self.run_with(self.products(kind, ROWS, 1), floats(ROWS, SIZE))
        return lambda: 2 * ROWS * SIZE * SIZE / cpu_seconds(call) / 1e9

    def adds(self):
        names = ["x"] + [f"v{i}" for i in range(CHAIN)]
        nodes = [self.o.helper.make_node("Add", [names[i], "w"], [names[i + 1]]) for i in range(CHAIN)]
        s = self.session(nodes, [("x", [1, CHAIN_LENGTH])], [(names[-1], [1, CHAIN_LENGTH])],
                         [("w", floats(1, CHAIN_LENGTH))], plain=True)
        call = self.run_with(s, floats(1, CHAIN_LENGTH))
        return lambda: CHAIN / cpu_seconds(call) / 1e6


class ggml:
    TYPES = {"f32": 0, "f16": 1, "q4_0": 2, "q8_0": 8, "bf16": 30}

    class Params(C.Structure):
        _fields_ = [("size", C.c_size_t), ("buffer", C.c_void_p), ("no_alloc", C.c_bool)]

    def __init__(self):
        try:
            import importlib.util
            root = importlib.util.find_spec("llama_cpp").origin
        except (ImportError, AttributeError):
            absent("no module named 'llama_cpp'")
        folder = os.path.join(os.path.dirname(root), "lib")
        self.libs = [C.CDLL(os.path.join(folder, f"lib{n}.so"), C.RTLD_GLOBAL)
                     for n in ("ggml-base", "ggml-cpu", "ggml")]
        self.backend = self.call("ggml_backend_cpu_init")
        self.call("ggml_backend_cpu_set_n_threads", self.backend, C.c_int(1))

    def call(self, name, *args, result=C.c_void_p):
        for lib in self.libs:
            if hasattr(lib, name):
                f = getattr(lib, name)
                f.restype = result
                return f(*[C.c_void_p(a) if isinstance(a, int) else a for a in args])
        absent(f"ggml has no {name}")

    def context(self):
        self.libs[0].ggml_init.argtypes = [self.Params]
        return self.call("ggml_init", self.Params(64 << 20, None, True))

    def tensor(self, ctx, kind, columns, rows):
        return self.call("ggml_new_tensor_2d", ctx, C.c_int(self.TYPES[kind]), C.c_int64(columns), C.c_int64(rows))

    def fill(self, tensor, data):
        self.call("ggml_backend_tensor_set", tensor, C.c_void_p(data.ctypes.data), C.c_size_t(0),
                  C.c_size_t(data.nbytes))

    def buffers(self, where):
        """Where weights lie: plain, or one of the buffers that ggml re-lays them in (repack, amx)."""
        if where == "plain":
            return self.call("ggml_backend_cpu_buffer_type")
        reg = self.call("ggml_backend_cpu_reg")
        ask = self.call("ggml_backend_reg_get_proc_address", reg, C.c_char_p(b"ggml_backend_dev_get_extra_bufts"))
        device = self.call("ggml_backend_reg_dev_get", reg, C.c_size_t(0))
        each = C.CFUNCTYPE(C.POINTER(C.c_void_p), C.c_void_p)(ask)(device)
        for i in range(8):
            if not each[i]:
                break
            if where in self.call("ggml_backend_buft_name", each[i], result=C.c_char_p).decode().lower():
                return each[i]
        absent(f"no buffer '{where}' here")

    def graph(self, kind, rows, count, where, columns=SIZE, width=SIZE):
        if (kind, where) == ("q8_0", "repack"):
            absent("q8_0 is not repacked on this processor")
        weights, rest = self.context(), self.context()
        w = [self.tensor(weights, kind, columns, width) for _ in range(count)]
        x = self.tensor(rest, "f32", columns, rows)
        graph = self.call("ggml_new_graph_custom", rest, C.c_size_t(4096), C.c_bool(False))
        for t in w:
            self.call("ggml_build_forward_expand", graph, self.call("ggml_mul_mat", rest, t, x))
        if not self.call("ggml_backend_alloc_ctx_tensors_from_buft", weights, self.buffers(where)):
            absent(f"{kind} is not taken by buffer '{where}'")
        self.call("ggml_backend_alloc_ctx_tensors_from_buft", rest, self.buffers("plain"))
        if kind in ("q8_0", "q4_0"):
            data = blocks(kind, width, columns)
        else:
            data = floats(width, columns)
            data = data.astype(np.float16) if kind == "f16" else data
            data = (data.view(np.uint32) >> 16).astype(np.uint16) if kind == "bf16" else data
        for t in w:
            self.fill(t, data)
        self.fill(x, floats(rows, columns))
        return lambda: self.call("ggml_backend_graph_compute", self.backend, graph, result=C.c_int)

    def matmul(self, n):
        n = int(n)
        call = self.graph("f32", n, 1, "plain", n, n)
        return lambda: 2 * n**3 / cpu_seconds(call) / 1e9

    def matvec(self, kind, mib, where):
        bits = {"f32": 32, "f16": 16, "bf16": 16, "q8_0": 8.5, "q4_0": 4.5}[kind]
        each = int(SIZE * SIZE * bits / 8)
        count = int(mib) * 2**20 // each
        call = self.graph(kind, 1, count, where)
        return lambda: count * each / cpu_seconds(call) / 1e9

    def prefill(self, kind, where):
        call = self.graph(kind, ROWS, 1, where)
        return lambda: 2 * ROWS * SIZE * SIZE / cpu_seconds(call) / 1e9

    def adds(self):
        ctx = self.context()
        x, w = self.tensor(ctx, "f32", CHAIN_LENGTH, 1), self.tensor(ctx, "f32", CHAIN_LENGTH, 1)
        graph = self.call("ggml_new_graph_custom", ctx, C.c_size_t(4096), C.c_bool(False))
        y = x
        for _ in range(CHAIN):
            y = self.call("ggml_add", ctx, y, w)
        self.call("ggml_build_forward_expand", graph, y)
        self.call("ggml_backend_alloc_ctx_tensors_from_buft", ctx, self.buffers("plain"))
        for t in (x, w):
            self.fill(t, floats(1, CHAIN_LENGTH))
        call = lambda: self.call("ggml_backend_graph_compute", self.backend, graph, result=C.c_int)
        return lambda: CHAIN / cpu_seconds(call) / 1e6


class torch:
    def __init__(self):
        try:
            import torch as t
        except ImportError as error:
            absent(error)
        t.set_num_threads(1)
        self.t = t

    def product(self, rows, n, kind):
        dtype = getattr(self.t, {"f32": "float32", "bf16": "bfloat16"}[kind])
        x, w = self.t.tensor(floats(rows, n)).to(dtype), self.t.tensor(floats(n, n)).to(dtype)
        layer = lambda: self.t.nn.functional.linear(x, w)
        return lambda: 2 * rows * n * n / cpu_seconds(layer) / 1e9

    def matmul(self, n):
        return self.product(int(n), int(n), "f32")

    def prefill(self, kind):
        return self.product(ROWS, SIZE, kind)


class llama:
    """Tokens a second of llama.cpp on a GGUF file, by token ids; wall clock with several threads."""

    def __init__(self):
        try:
            import llama_cpp as lib
        except ImportError as error:
            absent(error)
        self.lib = lib
        self.quiet = lib.llama_log_callback(lambda level, text, user: None)
        lib.llama_log_set(self.quiet, C.c_void_p(0))
        lib.llama_backend_init()

    def open(self, path, threads):
        lib = self.lib
        self.clock = time.process_time if threads == 1 else time.perf_counter
        mp, cp = lib.llama_model_default_params(), lib.llama_context_default_params()
        mp.n_gpu_layers = 0
        cp.n_ctx, cp.n_batch, cp.n_ubatch = 1024, 512, 512
        cp.n_threads = cp.n_threads_batch = threads
        cp.offload_kqv = cp.op_offload = False
        model = lib.llama_model_load_from_file(path.encode(), mp)
        if not model:
            absent(f"{path} does not load")
        self.ctx = lib.llama_init_from_model(model, cp)
        self.batch = lib.llama_batch_init(512, 0, 1)

    def feed(self, position, count):
        b = self.batch
        b.n_tokens = count
        for i in range(count):
            b.token[i], b.pos[i], b.n_seq_id[i] = (7 * (position + i) + 3) % 32000, position + i, 1
            b.seq_id[i][0], b.logits[i] = 0, i == count - 1
        if self.lib.llama_decode(self.ctx, b) != 0:
            sys.exit(70)
        self.lib.llama_synchronize(self.ctx)

    def clear(self):
        self.lib.llama_memory_clear(self.lib.llama_get_memory(self.ctx), True)

    def prefill(self, path, threads, count):
        self.open(path, int(threads))
        count = int(count)

        def round_():
            self.clear()
            start = self.clock()
            self.feed(0, count)
            return count / (self.clock() - start)
        return round_

    def decode(self, path, threads, count):
        self.open(path, int(threads))
        count = int(count)

        def round_():
            self.clear()
            self.feed(0, 16)
            start = self.clock()
            for i in range(count):
                self.feed(16 + i, 1)
            return count / (self.clock() - start)
        return round_

    def first(self, path, threads):
        """Tokens a second of one that counts the loading of the model: 1 / time to the first token."""
        start = time.perf_counter()
        self.open(path, int(threads))
        self.feed(0, 1)
        seconds = time.perf_counter() - start
        return lambda: 1 / seconds


def resident():
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) / 1024 for line in f if line.startswith("VmHWM"))


def main():
    if len(sys.argv) < 3 or sys.argv[1] not in ("openblas", "onnx", "ggml", "torch", "llama"):
        sys.exit(__doc__)
    before = resident()
    task = getattr(globals()[sys.argv[1]](), sys.argv[2])(*sys.argv[3:])
    task()  # what happens once, the first page faults too
    print("ready", flush=True)
    for line in sys.stdin:
        print(f"{resident() - before:.6g}" if line.strip() == "resident" else f"{task():.6g}", flush=True)


main()
