"""Answers taken twice: once undisturbed, once while something is broken. They must be equal.

    witness = await Witness.of(client, bodies)
    requests = [await client.publish(body, client.new_request()) for body in witness.bodies]
    ... break something ...
    await witness.check(client, requests)
"""

ANSWER_SECONDS = 90


def bodies(count, tokens, temperature=0.8):
    """Different requests, each of which has one right answer."""
    return [{"prompt": f"{n} spiders have {n * 8} legs, and", "max_tokens": tokens, "temperature": temperature,
             "seed": n} for n in range(count)]


class Witness:
    def __init__(self, bodies, answers):
        self.bodies = bodies
        self.answers = answers

    @classmethod
    async def of(cls, client, bodies):
        return cls(bodies, [await client.ask(body, seconds=ANSWER_SECONDS) for body in bodies])

    async def check(self, client, requests):
        """Every request has the undisturbed answer, whole, once, and the RESULT that goes with it."""
        for wanted, request in zip(self.answers, requests, strict=True):
            answer, _ = await client.answer_and_result(request, ANSWER_SECONDS)
            assert answer.tokens == wanted.tokens
            assert answer.text == wanted.text
            assert answer.finish_reason == wanted.finish_reason
            assert answer.last["digest"] == wanted.last["digest"]
            stored = await client.stored("REPLY", f"reply.{client.tenant}.{request}")
            assert len(stored) == len(answer.chunks)
