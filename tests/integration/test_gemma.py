"""Gemma 3 270M as it is served: its answers, read off the wire, are as near to the float32 reference as they have
to be (tests/reference). The engine's own tests hold it against all of the reference, the perplexity too."""

import json
import os
from pathlib import Path

import pytest
from support.client import Client
from support.fixtures import running
from support.paths import REFERENCE_DATA, ROOT
from support.stack import Stack

MODEL = Path(os.environ.get("REPRISE_MODEL", ROOT / ".deps/models/gemma-3-270m-q4_k_m.gguf"))
AVERAGE_MAX, DISTANCE_MAX = 0.005, 0.02
PROMPT_TOKENS_MAX = 100  # the long ones take too long here
TOKENS = 8

pytestmark = pytest.mark.timeout(280)


@pytest.fixture(scope="module")
def gemma_stack(tmp_path_factory):
    assert MODEL.exists(), f"{MODEL} is missing: cmake/fetch run brings it"
    yield from running(Stack(tmp_path_factory.mktemp("gemma"), {"gemma3": MODEL}))


@pytest.fixture
async def gemma(gemma_stack):
    async with Client.connected(gemma_stack.url, model="gemma3") as client:
        yield client


async def test_answers_are_the_reference(gemma):
    reference = json.loads((REFERENCE_DATA / "gemma3_float32.json").read_text())
    prompts = [prompt for prompt in reference["prompts"] if len(prompt["tokens"]) <= PROMPT_TOKENS_MAX]
    distances = []
    for prompt in prompts:
        answer = await gemma.ask({"prompt": prompt["text"], "max_tokens": TOKENS, "temperature": 0, "logprobs": 20})
        assert answer.last["usage"]["prompt_tokens"] == len(prompt["tokens"]), prompt["name"]
        got = {top["token"]: top["logprob"] for top in answer.logprobs[0]["top"]}
        distances += [abs(got[token] - value) for token, value in prompt["top"]]
        check_greedy(prompt, answer.tokens)
    assert len(distances) == 10 * len(prompts)
    assert sum(distances) / len(distances) <= AVERAGE_MAX
    assert max(distances) <= DISTANCE_MAX


def check_greedy(prompt, tokens):
    wanted = prompt["greedy"]
    for step, (token, margin) in enumerate(zip(wanted["tokens"][:TOKENS], wanted["margins"])):
        if margin < 2 * DISTANCE_MAX:
            return  # either token is right, and another text follows
        assert tokens[step] == token, f"{prompt['name']}: step {step}"


async def test_a_question_in_a_conversation(gemma):
    """The template and the end of turn are the model's own."""
    answer = await gemma.ask({"messages": [{"role": "user", "content": "Why is the sky blue?"}], "max_tokens": 4,
                              "temperature": 0})
    reference = json.loads((REFERENCE_DATA / "gemma3_float32.json").read_text())
    wanted = next(prompt for prompt in reference["prompts"] if prompt["name"] == "chat_sky")
    assert answer.last["usage"]["prompt_tokens"] == len(wanted["tokens"])
    check_greedy({**wanted, "greedy": {key: wanted["greedy"][key][:4] for key in ("tokens", "margins")}}, answer.tokens)
