"""The texts that the tokeniser is held against: several megabytes, the same on every machine.

    for name, texts in corpus(pieces):      # name of a kind of text, list of bytes
        ...

`pieces` are the vocabulary's, as bytes in which a space is a space. Everything is drawn from seeds; nothing is
read from elsewhere. `DIGEST` in the data that llama_cpp_ids.py wrote tells when the texts have changed.
"""

import hashlib
import random

WORDS = """the of and to a in is was he for it with as his on be at by I this had not are but from or have an they
which one you were all her she there would their we him been has when who will no more if out so said what up its
about into than them can only other time new some could these two may first then do any like my now over such our man
me even most made after also did many off before must well back through years much where your way down should because
long each just state those people too mister how little good world make very year still see own work men day get here
between both life being under three never know same last another while us might great go come since against right came
take used himself few house use during without again place around however home small found mrs thought went say part
once general high upon school every don't does got united left number course war until always away something fact
water less public put think almost hand enough far took head yet government system set better told nothing night end
why didn't eyes find going look asked later point knew city next program business group toward young days let room
president side social present given several order national second possible rather per face form important things
looked early white case large big need four within felt children along saw best church ever least power development
internationalisation unbelievably counterexample thermodynamics Schroedinger GitHub JavaScript e-mail naive co-operate
""".split()

NAMES = "Alice Bob Müller Łukasz O'Brien Sørensen Zürich Reykjavík São-Paulo Nguyễn Dvořák Ångström".split()

SCRIPTS = {
    "chinese": "人工智能正在改变世界我们每天都使用各种各样的工具来完成工作今天天气很好他说这个问题非常复杂需要更多时间研究"
               "中华人民共和国的首都是北京上海是最大的城市之一长江黄河流经许多省份语言文字历史文化科学技术经济发展教育"
               "龘靐齉齾爩鱻麤龗灪吁籲鑿驫鸞虋纞麣讞钃鸜囔馕戆攮瓤襄",
    "japanese": "日本語の文章を書くのは楽しいです。カタカナとひらがなと漢字が混ざっています。東京タワーはとても高い「建物」です。",
    "korean": "안녕하세요 저는 한국어를 공부하고 있습니다 서울은 대한민국의 수도입니다 날씨가 좋네요 컴퓨터 프로그래밍",
    "russian": "Съешь ещё этих мягких французских булок, да выпей чаю. Россия является крупнейшей страной мира по площади.",
    "arabic": "مرحبا بالعالم هذا نص باللغة العربية لاختبار المحلل اللغوي السَّلامُ عَلَيْكُمْ ١٢٣٤٥",
    "hebrew": "שלום עולם זהו טקסט בעברית לבדיקת המנתח בְּרֵאשִׁית",
    "hindi": "नमस्ते दुनिया यह हिंदी में एक वाक्य है भारत एक विशाल देश है क्षत्रिय श्रृंगार",
    "thai": "สวัสดีชาวโลกนี่คือข้อความภาษาไทยกรุงเทพมหานครเป็นเมืองหลวงของประเทศไทย",
    "greek": "Καλημέρα κόσμε αυτό είναι ένα κείμενο στα ελληνικά Ἐν ἀρχῇ ἦν ὁ Λόγος",
    "vietnamese": "Xin chào thế giới đây là một đoạn văn bản tiếng Việt được viết để kiểm tra",
    "amharic": "ሰላም ልዑል ይህ በአማርኛ የተጻፈ ጽሑፍ ነው",
    "tamil": "வணக்கம் உலகம் இது தமிழில் எழுதப்பட்ட உரை",
}

EMOJI = ["😀", "👍🏽", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪", "🇯🇵", "1️⃣", "❤️", "❤", "🧑🏿‍🚀", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "👁️‍🗨️", "🫠", "☺️", "🤷🏻‍♀️", "\u200d", "\ufe0f"]

SPACES = [" ", "  ", "\t", "\n", "\r\n", "\r", "\v", "\f", "\u00a0", "\u2003", "\u3000", "\u200b", "\ufeff", "\u2028", "\u0085"]

CODE = [
    "static int {0}(const char *{1}, size_t n)\n{{\n{i}for (size_t i = 0; i < n; i++) {{\n{i}{i}if ({1}[i] == '\\0')\n"
    "{i}{i}{i}return -{2};\n{i}}}\n{i}return 0x{3:x};\n}}\n",
    "def {0}(self, {1}=None):\n{i}\"\"\"{0}: {1}.\"\"\"\n{i}return [x ** {2} for x in {1} if x != {3}]\n\n\n",
    "<table>\n{i}<tr><td class=\"{0}\">{2}</td></tr>\n{i}<br/><b>{1}</b></table>\n",
    "{{\"{0}\": [{2}, {3}.5e-7, null, true], \"{1}\": {{\"x\": \"\\u00e9\\n\"}}}}\n",
    "SELECT {0}, COUNT(*) FROM {1} WHERE id >= {2} GROUP BY 1 HAVING x<>'{3}'; -- {0}\n",
    "#!/bin/sh\n{0}=${{{1}:-{2}}} && echo \"$@\" | sed 's/[^a-z]*//g' >/dev/null 2>&1\n",
    "\\begin{{equation}} \\sum_{{i=0}}^{{{2}}} \\frac{{{0}_i}}{{{1}^2}} \\leq \\alpha_{{{3}}} \\end{{equation}}\n",
]

SPECIAL = ["<bos>", "<eos>", "<unk>", "<pad>", "<mask>", "<start_of_turn>", "<end_of_turn>", "<unused7>", "<unused6241>",
           "[multimodal]", "<start_of_image>", "<table>", "</td>", "<0x41>", "<0xE2>", "<", ">", "<unused", "<start_of",
           "<end_of_turn", "\n", "\n\n\n", "  ", "\t\t", "word", " ", "<b>", "<b", "system", "▁"]


def several(rng, low, high):
    return range(rng.randrange(low, high))


def english(rng):
    out = []
    for _ in several(rng, 1, 12):
        words = [rng.choice(WORDS if rng.random() < 0.93 else NAMES) for _ in several(rng, 3, 25)]
        for i in several(rng, 0, 3):
            at = rng.randrange(len(words))
            words[at] = rng.choice([
                f"{rng.randrange(10000)}", f"{rng.random():.3f}", f"“{words[at]}”", f"({words[at]})", f"{words[at]}—",
                words[at].upper(), words[at].capitalize(), f"{words[at]},", f"{words[at]}'s", f"§{rng.randrange(99)}",
                f"https://www.example.org/{words[at]}?q={rng.randrange(99)}", "2026-11-24", "$1,234.56", "e.g."])
        out.append(" ".join(words).capitalize() + rng.choice([". ", "! ", "? ", ".\n", "...\n\n", "; "]))
    return "".join(out)


def script(name):
    letters = SCRIPTS[name]

    def text(rng):
        out = []
        for _ in several(rng, 3, 30):
            at = rng.randrange(len(letters))
            out.append(letters[at:at + rng.randrange(1, 20)])
            if rng.random() < 0.3:
                out.append("".join(rng.choice(letters) for _ in several(rng, 1, 8)))
            if rng.random() < 0.3:
                out.append(rng.choice(["，", "。", "！", " ", "\n", "、", "（", "）", ", ", "2026", "A", ". "]))
        return "".join(out)
    return text


def code(rng):
    indent = rng.choice(["    ", "\t", "  ", " " * rng.randrange(1, 40)])
    out = []
    for _ in several(rng, 1, 8):
        name, other = ("_".join(rng.choice(WORDS) for _ in several(rng, 1, 4)) for _ in range(2))
        lines = rng.choice(CODE).format(name, other.title().replace("_", ""), rng.randrange(300), rng.randrange(1 << 20), i=indent)
        depth = indent * rng.randrange(4)
        out.append("".join(depth + line for line in lines.splitlines(keepends=True)))
    return "".join(out)


def emoji(rng):
    return "".join(rng.choice(EMOJI) + rng.choice(["", "", " ", rng.choice(WORDS)]) for _ in several(rng, 1, 40))


def spaces(rng):
    return "".join(rng.choice(SPACES) * rng.choice([1, 1, 2, 3, rng.randrange(1, 70)]) + rng.choice(["", "a", "Word", "}"])
                   for _ in several(rng, 1, 25))


def numbers(rng):
    return "".join(rng.choice([f"{rng.getrandbits(rng.randrange(1, 90))}", f"{rng.random() * 10 ** rng.randrange(-9, 9):g}", " + ",
                               "=", "≤", "½", "²", "٣", "Ⅷ", "0x%08X" % rng.getrandbits(32), " ", ",", "%", "1" * rng.randrange(1, 30)])
                   for _ in several(rng, 1, 40))


def controls(rng):
    return "".join(chr(rng.choice([rng.randrange(0x20), 0x7F, rng.randrange(0x80, 0xA0), rng.randrange(0x20, 0x7F)]))
                   for _ in several(rng, 1, 120))


def code_point(rng):
    while True:
        point = rng.choice([rng.randrange(0x110000), rng.randrange(0x10000), rng.randrange(0x3000), rng.randrange(0x4E00, 0xA000),
                            rng.randrange(0x1F300, 0x1FB00), rng.randrange(0x300, 0x370)])
        if not 0xD800 <= point < 0xE000 and point != 0x2581:
            return point


def unicode(rng):
    return "".join(chr(code_point(rng)) for _ in several(rng, 1, 150))


def long_word(rng):
    letters = rng.choice(["ab", "abcdefghijklmnopqrstuvwxyz", "=", "-_", "你好", "а", "\U0001F600"])
    return "".join(rng.choice(letters) for _ in several(rng, 1, 6000))


def u2581(rng):
    return "".join(rng.choice(["▁", " ", "▁▁", "  ", "the", "▁the", "\n", "x"]) for _ in several(rng, 1, 40))


VALID = {"english": english, **{name: script(name) for name in SCRIPTS}, "code": code, "emoji": emoji, "spaces": spaces,
         "numbers": numbers, "controls": controls, "unicode": unicode, "long": long_word}


def special(rng):
    return "".join(rng.choice(SPECIAL) for _ in several(rng, 1, 20)).encode()


def broken(rng):
    """What is no UTF-8: random bytes, characters cut and changed, lead bytes before ordinary text."""
    kind = rng.randrange(4)
    if kind == 0:
        return bytes(rng.randrange(256) for _ in several(rng, 1, 100))
    if kind == 1:
        return bytes(rng.choice(b"\xe2\x96\x81 \n\tab<>\xf0\x9f\xc3\xa9\x80\xff") for _ in several(rng, 1, 80))
    text = bytearray(VALID[rng.choice(list(VALID))](rng).encode()[:600])
    for _ in several(rng, 1, 8):
        at = rng.randrange(len(text) + 1)
        if kind == 2:
            del text[at:at + rng.randrange(1, 4)]
        else:
            text[at:at] = bytes([rng.choice([0x80, 0xBF, 0xC0, 0xC3, 0xE2, 0xED, 0xF0, 0xF5, 0xFF])])
    return bytes(text)


def drawn(name, make, bytes_wanted):
    rng = random.Random(f"reprise tokenizer {name}")
    texts, total = [], 0
    while total < bytes_wanted:
        text = make(rng)
        texts.append(text if isinstance(text, bytes) else text.encode())
        total += len(texts[-1]) + 1
    return texts


def corpus(pieces):
    """(name, texts) of every kind: valid UTF-8 without U+2581 first, then what stands apart."""
    def from_pieces(rng):
        return b"".join(rng.choice(pieces) for _ in several(rng, 1, 60))

    def mixed(rng):
        return b"".join(VALID[rng.choice(list(VALID))](rng).encode()[:rng.randrange(1, 200)].decode("utf-8", "ignore").encode()
                        for _ in several(rng, 2, 12))

    for name, make in VALID.items():
        yield name, drawn(name, make, 400_000 if name in ("english", "chinese", "code") else 120_000)
    yield "mixed", drawn("mixed", mixed, 600_000)
    yield "pieces", drawn("pieces", from_pieces, 600_000)
    yield "u2581", drawn("u2581", u2581, 40_000)
    yield "special", drawn("special", special, 100_000)
    yield "broken", drawn("broken", broken, 400_000)


def is_valid(text):
    try:
        text.decode()
        return "▁".encode() not in text
    except UnicodeDecodeError:
        return False


def digest(texts):
    """SHA-256 over the texts with their lengths."""
    sha = hashlib.sha256()
    for text in texts:
        sha.update(len(text).to_bytes(4, "little") + text)
    return sha.hexdigest()


def ids_digest(rows):
    """SHA-256 over rows of ids with their lengths."""
    sha = hashlib.sha256()
    for ids in rows:
        sha.update(b"".join(i.to_bytes(4, "little") for i in [len(ids), *ids]))
    return sha.hexdigest()


# Cases whose ids stand in the data one by one, for people to look at.
EXPLICIT = [
    b"", b" ", b"  ", b"a", b" a", b"Hello world", b"Hello, world!\n", b"\n\n\n", b"\t\tif (x)\n", b"   leading and trailing   ",
    "Müller naïve café".encode(), "你好，世界".encode(), "👩‍👩‍👧‍👦".encode(), "🇩🇪🇯🇵".encode(), "नमस्ते".encode(), "안녕하세요".encode(),
    "مرحبا".encode(), b"1234567890", b"3.14159", b"<end_of_turn>", b"<start_of_turn>user\nHi<end_of_turn>\n", b"<b>bold</b>",
    b"\x00\x01\x7f", "a\u0301".encode(), "\U0010FFFF".encode(), "▁the▁".encode(), "\u200b\ufeff".encode(), b"\xff", b"\x80abc",
    b"\xe2 ab", b"\xe2\x96", b"\xf0\x9f\x98", b"caf\xc3", b"\xc3 \xc3\xa9", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf",
    b"x" * 100, b"=" * 77, b" " * 64, b"\n" * 33, b"<0x0A>", b"<unused0><unused99>", b"don't can't I'll", b"e = mc^2",
]
