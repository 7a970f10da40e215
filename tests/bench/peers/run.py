#!/usr/bin/env python3
"""Holds oinf against peers: every row runs its contenders in turn, a round each, and prints ratios.

  run.py FOLDER [--rounds N] [--only WORD] [--out FILE.md]

A contender is a process that answers each line with one round's figure (peer.py, ours.c, bundle.c),
so peers live in environments of their own; FOLDER holds those of ours that are built. PEER_ONNX,
PEER_GGML, PEER_TORCH and PEER_BLAS name their Python interpreters (python3 where unset), OPENBLAS
the library, and PEER_MODELS a folder with NAME.gguf and NAME.oinf of the same weights.
What is not there is said to be absent. Only ratios of one round carry from one machine to another: their
median, least and greatest are printed, and the ratio against the best peer of each round.
"""
import argparse
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
# The folder holds ours, make_product, oinf-emit and adds.oinf, which run.sh puts there.
PYTHON = {"openblas": "PEER_BLAS", "onnx": "PEER_ONNX", "ggml": "PEER_GGML", "llama": "PEER_GGML",
          "torch": "PEER_TORCH"}
MIB = "1024"
MODELS = ("110m-q8_0", "110m-q4_0", "1b-q8_0", "1b-q4_0")


class Contender:
    def __init__(self, name, command):
        self.name, self.figures = name, []
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        self.state = self.process.stdout.readline().strip() or "absent it ended at once"

    def ask(self, line=""):
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
            return float(self.process.stdout.readline())
        except (ValueError, BrokenPipeError):
            sys.exit(f"{self.name} ended before it answered")

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def peer(library, *task):
    where = task[-1] if library == "ggml" and task[-1] in ("plain", "repack", "amx") else ""
    python = os.environ.get(PYTHON[library], "python3")
    return (" ".join(filter(None, (library, where))), [python, os.path.join(HERE, "peer.py"), library, *task])


def rows(folder):
    """name, unit, aim against the best peer, ours, peers."""
    ours = lambda *task: ("ours", [os.path.join(folder, "ours"), *task])
    for n in ("512", "1024", "2048"):
        yield (f"matmul f32, {n}", "GFLOP/s", 1.0, ours("matmul", n),
               [peer("openblas", "matmul", n), peer("onnx", "matmul", n), peer("ggml", "matmul", n),
                peer("torch", "matmul", n)])
    for kind, wheres in (("q8_0", ("plain", "repack", "amx")), ("q4_0", ("plain", "repack", "amx"))):
        yield (f"prefill {kind}, 256 x 4096 x 4096", "GOP/s", 1.8, ours("prefill", kind),
               [peer("onnx", "prefill", kind)] + [peer("ggml", "prefill", kind, w) for w in wheres])
    yield ("prefill bf16, 256 x 4096 x 4096", "GFLOP/s", None, ours("prefill", "bf16"),
           [peer("torch", "prefill", "bf16")])
    for kind in ("f32", "f16", "bf16", "q8_0", "q4_0"):
        wheres = ("plain", "repack", "amx") if kind in ("q8_0", "q4_0") else ("plain",)
        yield (f"matvec {kind}, {MIB} MiB", "GB/s", None, ours("matvec", kind, MIB),
               [("plain read", [os.path.join(folder, "ours"), "read", MIB])] +
               [peer("onnx", "matvec", kind, MIB), peer("openblas", "matvec", kind, MIB)] +
               [peer("ggml", "matvec", kind, MIB, w) for w in wheres])


def bundle(folder, package, *task, without="", budget="", numerics=""):
    """A bundle's contender: the package emitted into `folder` by the oinf-emit beside it, and built."""
    name = os.path.basename(package).removesuffix(".oinf") + without + budget + numerics
    made, program = os.path.join(folder, name + ".bundle"), os.path.join(folder, name)
    emit = [os.path.join(folder, "oinf-emit"), package, "-q", "-o", made]
    emit += ["--without", without] if without else []
    emit += ["--numerics", numerics] if numerics else []
    emit += ["--ctx", "1024"] if task[0] != "step" else []
    emit += ["--budget", budget] if budget else []
    for command in (emit,
                    ["make", "-s", "-C", made, "model.o"],
                    [os.environ.get("CC", "cc"), "-O2", "-I", made, "-o", program, os.path.join(HERE, "bundle.c"),
                     os.path.join(made, "model.o"), "-lm", "-lpthread"]):
        if os.path.exists(program):
            break
        if not os.path.exists(package) or subprocess.run(command, check=False).returncode:
            return ("ours", ["echo", "absent it is not built: " + package])
    label = "ours" + (", without " + without if without else "") + (", budget " + budget if budget else "")
    return (label,
            [program, os.path.join(made, "weights.oinf"), *task])


def products(folder):
    """One product as a bundle of fast numerics, its weights as they lie in the file; a step counts in thousands."""
    def ours(kind, m, n, k):
        package = os.path.join(folder, f"product-{kind}-{m}-{n}-{k}.oinf")
        subprocess.run([os.path.join(folder, "make_product"), package, kind, str(m), str(n), str(k)], check=False)
        return bundle(folder, package, "step", str(2 * m * n * k // 1000), numerics="fast")
    for n in (512, 1024, 2048):
        yield (f"matmul f32, {n}, fast", "GFLOP/s", 1.0, ours("f32", n, n, n),
               [peer("openblas", "matmul", str(n)), peer("onnx", "matmul", str(n)), peer("torch", "matmul", str(n))])
    for kind, others in (("q8_0", ("plain",)), ("q4_0", ("plain", "repack"))):
        yield (f"prefill {kind}, 256 x 4096 x 4096, fast", "GOP/s", 2.5, ours(kind, 256, 4096, 4096),
               [peer("onnx", "prefill", kind)] + [peer("ggml", "prefill", kind, w) for w in others])
    yield ("prefill bf16, 256 x 4096 x 4096, fast", "GFLOP/s", 1.0, ours("bf16", 256, 4096, 4096),
           [peer("torch", "prefill", "bf16")])


def chains(folder):
    package = os.path.join(folder, "adds.oinf")
    for without, aim in (("fuse", 10.0), ("", None)):
        yield (f"chain of 1,000 adds of 1,024{'' if without else ', fused'}", "million adds/s", aim,
               bundle(folder, package, "step", "1000", without=without),
               [peer("onnx", "adds"), peer("ggml", "adds")])


def models(folder, made):
    """Rows of whole models, against llama.cpp on the same weights."""
    for name in MODELS:
        gguf, package = os.path.join(folder, name + ".gguf"), os.path.join(folder, name + ".oinf")
        aim = 1.3 if name.startswith("110m") else 1.1
        for what, task, wanted in (("decode 64", ("decode", "1", "64"), aim),
                                   ("prefill 512", ("prefill", "1", "512"), 2.0)):
            yield (f"{name}, {what}", "tokens/s", wanted, bundle(made, package, *task),
                   [peer("llama", task[0], gguf, *task[1:])])
        if name.startswith("110m"):  # llama.cpp would take hours for more
            yield (f"{name}, decode 32 on two threads beside a busy process", "tokens/s", 5.0,
                   bundle(made, package, "decode", "2", "32"), [peer("llama", "decode", gguf, "2", "32")])
        if name.startswith("1b"):
            half = f"{os.path.getsize(package) // 2**21}M" if os.path.exists(package) else "min"
            yield (f"{name}, a token with the weights out of the cache", "tokens/s", 1.9,
                   bundle(made, package, "cold", "1", budget=half),
                   [("ours, mapped", bundle(made, package, "cold", "1")[1])])
        for what in ("warm", "cold"):
            yield (f"{name}, from start to first token, {what}", "tokens/s", None,
                   bundle(made, package, "first", "1"), [peer("llama", "first", gguf, "1")])


def forget(folder):
    """Drops the files of a folder from the system's cache, as far as nobody maps them."""
    for name in os.listdir(folder):
        if name.endswith((".gguf", ".oinf")):
            with open(os.path.join(folder, name), "rb") as f:
                os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def race_starts(row, rounds, folders):
    """A row whose figure is taken once in the life of a process."""
    name, unit, _, ours, peers = row
    figures = {c[0]: [] for c in [ours] + peers}
    for _ in range(rounds):
        for c in [ours] + peers:
            if "cold" in name:
                for folder in folders:
                    forget(folder)
            process = Contender(*c)
            if process.state != "ready":
                return [f"| {name} | not here: {c[0]}: {process.state[7:]} | | | |"]
            figures[c[0]].append(process.ask())
            process.end()
    mine = figures[ours[0]]
    lines = [f"| {name} | {ours[0]} | {1000 / statistics.median(mine):.4g} ms | | |"]
    for c in peers:
        lines.append(f"| {name} | {c[0]} | {1000 / statistics.median(figures[c[0]]):.4g} ms | "
                     f"{ratio([a / b for a, b in zip(mine, figures[c[0]])])} | |")
    return lines


def ratio(values):
    return f"{statistics.median(values):.2f} ({min(values):.2f}..{max(values):.2f})"


def race(row, rounds):
    """One row: starts its contenders, runs the rounds in turn, and gives the lines of the table."""
    name, unit, aim, ours, peers = row
    all_ = [Contender(*c) for c in [ours] + peers]
    here = [c for c in all_ if c.state == "ready"]
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if "busy" in name else None
    for _ in range(rounds):
        for c in here:
            c.figures.append(c.ask())
    if busy:
        busy.kill()
        busy.wait()
    memory = [f"{c.name} {c.ask('resident'):.0f} MiB" for c in here if "decode 64" in name]
    for c in all_:
        c.end()
    if not here or here[0] is not all_[0]:
        return [f"| {name} | {all_[0].state} | | | |"]
    mine, lines = here[0], []
    for c in here:
        versus = "" if c is mine else ratio([a / b for a, b in zip(mine.figures, c.figures)])
        lines.append(f"| {name} | {c.name} | {statistics.median(c.figures):.4g} {unit} | {versus} | |")
    others = [c for c in here[1:] if c.name != "plain read"]
    if others:
        best = [a / max(c.figures[i] for c in others) for i, a in enumerate(mine.figures)]
        lines.append(f"| {name} | best of them | | {ratio(best)} | {aim or ''} |")
    if memory:
        lines.append(f"| {name} | resident | {', '.join(memory)} | | |")
    gone = [f"{c.name}: {c.state[7:]}" for c in all_ if c.state != "ready"]
    return lines + [f"| {name} | not here: {why} | | | |" for why in gone]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="")
    parser.add_argument("--out")
    a = parser.parse_args()
    table = ["| what | contender | median | ours over it (min..max) | aim |", "|---|---|---|---|---|"]
    print("\n".join(table), flush=True)
    models_at = os.environ.get("PEER_MODELS", ".")
    for rows_of in (rows(a.folder), products(a.folder), chains(a.folder), models(models_at, a.folder)):
        for row in rows_of:
            if a.only not in row[0]:
                continue
            if "first token" in row[0]:
                lines = race_starts(row, a.rounds, [models_at, os.path.dirname(row[3][1][-3])])
            else:
                lines = race(row, a.rounds)
            print("\n".join(lines), flush=True)
            table += lines
    if a.out:
        with open(a.out, "w", encoding="utf-8") as f:
            f.write("\n".join(table) + "\n")


main()
