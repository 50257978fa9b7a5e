"""llama.cpp at what bench_executor measures of a model: the same prompt's length, the same number of tokens.

    PYTHON tests/bench/executor/llama_cpp_speed.py MODEL.gguf

PYTHON is one with llama-cpp-python. Greedy, one sequence, medians of five; prints `name value unit`. llama.cpp
rounds activations to 8 bits, the canon does not: the two do not compute the same.
"""

import statistics
import sys
import time

from llama_cpp import Llama

TIMES, PROMPT, ANSWER = 5, 512, 48  # bench_executor.c


def main(path):
    for threads in (1, 2):
        model = Llama(path, n_ctx=1024, n_batch=PROMPT, n_threads=threads, n_threads_batch=threads, verbose=False)
        prompt = [(i * 7919 + 11) % model.n_vocab() for i in range(PROMPT)]
        prefill, decode = [], []
        for _ in range(TIMES):
            model.reset()
            start = time.perf_counter()
            model.eval(prompt)
            token = model.sample(temp=0.0)
            first = time.perf_counter()
            for _ in range(ANSWER - 1):
                model.eval([token])
                token = model.sample(temp=0.0)
            prefill.append(PROMPT / (first - start))
            decode.append((ANSWER - 1) / (time.perf_counter() - first))
        print(f"llama_cpp_decode_threads{threads} {statistics.median(decode):.1f} tokens/s", flush=True)
        print(f"llama_cpp_prefill_threads{threads} {statistics.median(prefill):.1f} tokens/s", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
