"""What the references are asked. Control tokens written out in a text are those tokens.

GEMMA: 20 prompts of many kinds for the real model, three of them longer than its window of 512 tokens, and a
text of some 1,000 tokens for the perplexity. TINY: the same idea for the tiny model, whose window is 80.
All of it was written for this purpose.
"""

from dataclasses import dataclass

ESSAY = """\
A river does not choose its bed. It begins as rain on high ground, and the rain runs where the ground is lowest, \
and where it runs it carries a little of the ground away, so that the next rain finds the same way lower still. \
After ten thousand years there is a valley, and people who come to live in it say that the river flows through \
the valley, as though the valley had been there first.

Something like this happens to every long-lived program. The first version is written on open ground. Somebody \
needs a report on Fridays, and there is a table called customers, and a loop that reads it. The next change runs \
along the first, because that is where the ground is lowest: the loop is already there, the table is already \
open, and one more condition is cheaper than a second loop. Nobody decides that all the rules about customers \
shall live inside the Friday report. But after five years they do, and whoever wants to know what a customer is \
has to read how a report is printed.

The usual advice against this is to plan. Draw the valley first, and the river will keep to it. There is some \
truth in that, and there are engineers who straighten rivers; but the same engineers will tell you how much \
concrete it takes, and that the water rises faster in a straight bed. A plan that is followed against the slope \
of the ground has to be paid for every day. What is cheaper is to move a little earth while the stream is small. \
When the second change arrives, before it is made, one can ask: is this loop a good place for two things? If the \
answer is no, an hour is enough to lift the rule out of the report and give it a name of its own, and from then \
on the next change finds lower ground somewhere else.

I have been asked how one knows the moment. I do not think that there is a method, but there are signs. When you \
explain a piece of code and have to say "this part is only here because", there is water where it should not be. \
When a test has to build half of the world before it can ask its question, the question is standing in the wrong \
place. When two people change the same file every week for reasons that have nothing to do with each other, the \
file is a confluence, and it will flood in spring. And when a name has stopped being true, so that a newcomer is \
told "it is called a cache, but it is really the list of open orders", then the map and the ground have parted, \
and every further step is taken by the map.

None of these is an emergency. That is the difficulty. A flood is an emergency, and money is found for it. A bed \
that is a hand deeper than last year is nothing that anybody would report, and still it is the only moment at \
which a shovel is enough. So the teams that do well in the long run are rarely those with the grandest plans. \
They are the ones in which it is normal to spend an hour on the ground, in which nobody has to ask for that hour, \
and in which the hour is spent close to where the water is running today, not on some hill where it may run next \
year.

There is one more thing that a river teaches, and it is about speed. A stream in a hurry is loud and shallow, and \
it moves pebbles. A river that has found its bed is quiet; you would think that it stands still, and it carries \
ships. People who watch a team from outside often look for the noise. They count the changes of a day, the hours \
of the night, the meetings. But the noise is the sound of water against things that are in its way. What one \
should wish for is that great deal passes by without anything being heard of it: that a change is asked for in \
the morning and is simply there in the evening, small, in the place where one would have looked for it, with its \
test beside it, and that tomorrow the next one finds its way just as easily.

Of course rivers also end. They reach a plain, they slow down, and they let fall what they carried: first the \
gravel, then the sand, at last the finest mud, and out of that mud there grows a delta, where the water no longer \
knows a single way and divides into a hundred arms. Old programs have deltas too. There the same price is \
computed in four services with four roundings, and each of them has customers who rely on it. It is no use to \
despise such a place. Deltas are fertile; most of the great cities of the world were founded in one. But one \
lives differently there. One builds on piles, one keeps boats, and one does not ask which of the arms is the \
river. One writes down, for each arm, who drinks from it, and one closes none before everyone has been told.

Whether a program is young or old, then, the work is the same, and it is modest. Look where the water runs. Ask \
whether it should. Move a little earth, today, with a shovel, and go home in time for dinner.
"""

CODE_PYTHON = '''\
def merge(left, right):
    """Merge two sorted lists into one."""
    out = []
    i = j = 0
    while i < len(left) and j < len(right):
        if left[i] <= right[j]:
            out.append(left[i])
            i += 1
        else:
'''

CODE_C = '''\
#include <stdio.h>
#include <stdlib.h>

/* Returns the greatest common divisor of a and b. */
static unsigned gcd(unsigned a, unsigned b)
{
\twhile (b != 0) {
\t\tunsigned t = a % b;
\t\ta = b;
'''


def user(text):
    return f"<start_of_turn>user\n{text}<end_of_turn>\n<start_of_turn>model\n"


@dataclass(frozen=True)
class Prompts:
    prompts: tuple  # of (name, text)
    long_text: str


GEMMA = Prompts(
    prompts=(
        ("english", "The capital of France is"),
        ("story", "Once upon a time, in a village at the foot of a mountain, there lived an old clockmaker who"),
        ("single_word", "Hello"),
        ("chat_sky", user("Why is the sky blue?")),
        ("chat_system", user("You answer in one short sentence.\n\nWhat does a compiler do?")),
        ("chat_turns", user("My name is Ada.")
            + "Hello Ada! How can I help you today?<end_of_turn>\n" + user("What is my name?")),
        ("german", "Die Donau entspringt im Schwarzwald und mündet nach fast dreitausend Kilometern"),
        ("chat_german", user("Erkläre in zwei Sätzen, warum Brot beim Backen aufgeht.")),
        ("chinese", "长城是中国古代的一项伟大工程，它的"),
        ("chat_chinese", user("请用一句话解释什么是光合作用。")),
        ("french", "Il était une fois une petite fille qui habitait dans une maison au bord de la mer, et qui"),
        ("japanese", "東京は日本の首都であり、世界で最も"),
        ("code_python", CODE_PYTHON),
        ("code_c", CODE_C),
        ("json", '{"name": "Alice", "age": 31, "languages": ["English", "Italian"], "address": {"street": "'),
        ("maths", "12 + 7 = 19\n23 + 8 = 31\n45 + 9 = 54\n36 + 7 ="),
        ("emoji", "Weather report 🌦️: Monday ☀️ 24°C, Tuesday ⛈️ 17°C, Wednesday 🌈 20°C, Thursday"),
        ("white_space", "item     price\n\n\napples      3.50\n\n\n\tpears\t\t 2.20\n\n\nplums   "),
        ("long_text", ESSAY[:3150]),
        ("chat_long", user("Summarise this text in one sentence.\n\n" + ESSAY[:2900])),
    ),
    long_text=ESSAY,
)

TINY = Prompts(
    prompts=(
        ("word", "sky"),
        ("english", "The sky is blue because the air"),
        ("chat", user("Why is the sky blue?")),
        ("german", "Die Sonne streut langwelliges Licht stärker, weil"),
        ("chinese", "天空为什么是蓝色的？因为"),
        ("code", CODE_C),
        ("emoji", "a 🌦️ b ☀️"),
        ("past_window", ESSAY[:400]),
        ("past_split", ESSAY[:900]),
    ),
    long_text=ESSAY[:2200],
)
