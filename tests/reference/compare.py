"""Holds an engine against a reference: is it as near to float32 as it has to be?

    ENGINE ... | python tests/reference/compare.py data/gemma3_float32.json [--average 0.005] [--max 0.02]
                                                   [--perplexity-percent 0.05]

The engine prints JSON, one object a line, in any order, for the prompts and the text of the reference file:
    {"index": 3, "top": [[id, log-probability], ...]}     first-token values, for the prompt of that index; at
                                                          least those of the reference's ten ids, so print 20
    {"index": 3, "greedy": [id, ...]}                     its greedy answer, end token included; may be left out
    {"nll": 3719.9}                                       sum of negative log-likelihoods of the perplexity text

Both keys may stand in one object. A greedy answer must be the reference's up to the first step whose margin is
smaller than twice the largest distance allowed: there either token is right.

Ends with 0 where everything holds, else with 1 and the lines that say what does not.
"""

import argparse
import json
import math
import sys


def read_engine(lines):
    """(first-token values by prompt, greedy answers by prompt, nll or None)"""
    tops, greedies, nll = {}, {}, None
    for line in lines:
        if not line.strip():
            continue
        item = json.loads(line)
        if "top" in item:
            tops[item["index"]] = {token: value for token, value in item["top"]}
        if "greedy" in item:
            greedies[item["index"]] = item["greedy"]
        nll = item.get("nll", nll)
    return tops, greedies, nll


def check_tops(reference, tops, options, complaints):
    distances = []
    for index, prompt in enumerate(reference["prompts"]):
        if index not in tops:
            complaints.append(f"{prompt['name']}: no values")
            continue
        for token, wanted in prompt["top"]:
            got = tops[index].get(token)
            if got is None or not math.isfinite(got):
                complaints.append(f"{prompt['name']}: no log-probability of token {token}")
                continue
            distances.append(abs(got - wanted))
            if distances[-1] > options.max:
                complaints.append(f"{prompt['name']}: token {token} has {got}, the reference {wanted}")
    if not distances:
        return
    average = sum(distances) / len(distances)
    print(f"first token, top 10: average {average:.6f} (at most {options.average}), "
          f"max {max(distances):.6f} (at most {options.max}), {len(distances)} values")
    if average > options.average:
        complaints.append(f"average distance {average:.6f}")


def check_greedy(reference, greedies, options, complaints):
    steps = 0
    for index, tokens in sorted(greedies.items()):
        prompt = reference["prompts"][index]
        wanted, margins = prompt["greedy"]["tokens"], prompt["greedy"]["margins"]
        for step, (token, margin) in enumerate(zip(wanted, margins)):
            if margin < 2 * options.max:
                break
            if step >= len(tokens) or tokens[step] != token:
                got = tokens[step] if step < len(tokens) else "nothing"
                complaints.append(f"{prompt['name']}: greedy step {step} is {got}, want {token}, margin {margin}")
                break
            steps += 1
    print(f"greedy: {steps} steps equal in {len(greedies)} answers")


def check_perplexity(reference, nll, options, complaints):
    wanted = reference["perplexity"]
    if nll is None or not math.isfinite(nll):
        complaints.append("no nll of the perplexity text")
        return
    count = len(wanted["tokens"]) - 1
    percent = 100 * (math.exp((nll - wanted["nll_sum"]) / count) - 1)
    print(f"perplexity {math.exp(nll / count):.6f}, the reference {wanted['perplexity']:.6f}: "
          f"{percent:+.4f}% (at most {options.perplexity_percent})")
    if abs(percent) > options.perplexity_percent:
        complaints.append(f"perplexity differs by {percent:+.4f}%")


def main():
    parser = argparse.ArgumentParser(description="Hold an engine's output, on standard input, against a reference.")
    parser.add_argument("reference")
    parser.add_argument("--average", type=float, default=0.005)
    parser.add_argument("--max", type=float, default=0.02)
    parser.add_argument("--perplexity-percent", type=float, default=0.05)
    options = parser.parse_args()
    with open(options.reference) as file:
        reference = json.load(file)
    tops, greedies, nll = read_engine(sys.stdin)
    complaints = []
    check_tops(reference, tops, options, complaints)
    check_greedy(reference, greedies, options, complaints)
    check_perplexity(reference, nll, options, complaints)
    for complaint in complaints:
        print("FAIL", complaint)
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
