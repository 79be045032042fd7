"""The line of each key, compared with the keys that `tomllib` reads from the same text."""

import tomllib
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.config.toml_lines import Path, key_lines


def paths(value, path: Path = ()) -> set[Path]:
    """Return the path of each key and array element in what tomllib read."""
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        pairs = list(enumerate(value))
    else:
        return set()
    return {(*path, key) for key, _ in pairs}.union(*(paths(inner, (*path, key)) for key, inner in pairs))


def test_every_way_to_write_a_key():
    text = """\
# [not.a.table]
top = "a # b = c"  # x = 1

[a]
plain = 1979-05-27 07:32:00
"quo.ted" = 'it''s'.dotted = 3
""".replace("'it''s'.dotted = 3", "'[b]'")
    text += '''\
dotted.key . "deep er" = [ # one
  1, # two
  [2, 3],
  { x = 1, y.z = "}" },
]
many = """
[c]
d = 4 ""\\"
"""
raw = \'\'\'
'it' = 5\'\'\'\'
after = true
[[list]]
first = 1
[list.below]
second = 2
[[list]]
first = 3
[list.below.more]
[e.f]
[e]
g = {}
'''
    lines = key_lines(text)
    assert set(lines) == paths(tomllib.loads(text))
    assert lines == {
        ("top",): 2,
        ("a",): 4,
        ("a", "plain"): 5,
        ("a", "quo.ted"): 6,
        ("a", "dotted"): 7,
        ("a", "dotted", "key"): 7,
        ("a", "dotted", "key", "deep er"): 7,
        ("a", "dotted", "key", "deep er", 0): 8,
        ("a", "dotted", "key", "deep er", 1): 9,
        ("a", "dotted", "key", "deep er", 1, 0): 9,
        ("a", "dotted", "key", "deep er", 1, 1): 9,
        ("a", "dotted", "key", "deep er", 2): 10,
        ("a", "dotted", "key", "deep er", 2, "x"): 10,
        ("a", "dotted", "key", "deep er", 2, "y"): 10,
        ("a", "dotted", "key", "deep er", 2, "y", "z"): 10,
        ("a", "many"): 12,
        ("a", "raw"): 16,
        ("a", "after"): 18,
        ("list",): 19,
        ("list", 0): 19,
        ("list", 0, "first"): 20,
        ("list", 0, "below"): 21,
        ("list", 0, "below", "second"): 22,
        ("list", 1): 23,
        ("list", 1, "first"): 24,
        ("list", 1, "below"): 25,
        ("list", 1, "below", "more"): 25,
        ("e",): 27,
        ("e", "f"): 26,
        ("e", "g"): 28,
    }


def test_windows_line_ends_and_a_missing_last_line_end():
    assert key_lines("a = 1\r\n[b] \r\nc = 2") == {("a",): 1, ("b",): 2, ("b", "c"): 3}
    assert key_lines("") == key_lines("\n# only a comment") == {}


@dataclass
class Written:
    """A document under construction, with the line of each key."""

    text: str = ""
    lines: dict[Path, int] = field(default_factory=dict)

    def mark(self, path: Path, ends: int) -> None:
        """Record this line for the path, and for each of its prefixes with at least `ends` keys that is new."""
        for end in range(ends, len(path) + 1):
            self.lines.setdefault(path[:end], self.text.count("\n") + 1)


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=6)
NAMES = st.one_of(st.sampled_from(["a", "b", "key", "1", "-x_"]), TEXT)
SPACE, GAP = st.sampled_from(["", " ", "\t "]), st.sampled_from(["", " ", "\n", " # ]}=\n ", "\n\n"])
SCALARS = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(str),
    st.sampled_from(
        ["true", "1.5e-3", "-inf", "nan", "0xFF", "1_000", "1979-05-27 07:32:00.5", "07:32:00", "1979-05-27"]
    ),
)
VALUES = st.recursive(
    st.one_of(SCALARS.map(lambda word: ("scalar", word)), TEXT.map(lambda text: ("text", text))),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: ("array", items)),
        st.dictionaries(NAMES, inner, max_size=3).map(lambda pairs: ("inline", pairs)),
    ),
    max_leaves=6,
)
TABLES = st.recursive(
    st.dictionaries(NAMES, VALUES, max_size=3).map(lambda pairs: (pairs, {})),
    lambda inner: st.tuples(
        st.dictionaries(NAMES, VALUES, max_size=3),
        st.dictionaries(NAMES, st.one_of(inner, st.lists(inner, min_size=1, max_size=2)), max_size=2),
    ),
    max_leaves=4,
)


@st.composite
def documents(draw) -> Written:
    """Draw a valid document in any of TOML's notations."""
    written = Written()

    def escape(text: str, several_lines: bool) -> str:
        kept = "\n\t" if several_lines else "\t"
        return "".join(
            f"\\U{ord(letter):08x}" if (letter < " " and letter not in kept) or letter in '\\"\x7f' else letter
            for letter in text
        )

    def quote_words(text: str, several_lines: bool = False) -> str:
        styles = ["basic"]
        plain = all(letter >= " " and letter != "\x7f" for letter in text)
        if "'" not in text and plain:
            styles.append("literal")
        if several_lines:
            styles += ["long"] + ["long literal"] * (plain and "''" not in text)
        style = draw(st.sampled_from(styles))
        if style == "long":
            ends = draw(st.sampled_from(["", '"', '""']))  # quotes right before the closing three
            return f'"""{draw(st.sampled_from(["", chr(10)]))}{escape(text, True)}{ends}"""'
        if style == "long literal":
            return f"'''{chr(10)}{text}'''"
        return f"'{text}'" if style == "literal" else f'"{escape(text, False)}"'

    def key(name: str) -> str:
        is_bare = name and name.isascii() and name.replace("-", "a").replace("_", "a").isalnum()
        return name if is_bare and draw(st.booleans()) else quote_words(name)

    def value(path: Path, what: tuple) -> None:
        kind, content = what
        if kind == "scalar":
            written.text += content
        elif kind == "text":
            written.text += quote_words(content, several_lines=True)
        elif kind == "array":
            written.text += "["
            for index, item in enumerate(content):
                written.text += draw(GAP)
                written.mark((*path, index), len(path) + 1)
                value((*path, index), item)
                written.text += draw(GAP) + ("," if index < len(content) - 1 or draw(st.booleans()) else "")
            written.text += draw(GAP) + "]"
        else:
            written.text += "{" + draw(SPACE)
            for index, (name, item) in enumerate(content.items()):
                written.text += ", " * (index > 0)
                pair(path, [name], item)
            written.text += draw(SPACE) + "}"

    def pair(path: Path, names: list[str], what: tuple) -> None:
        kind, content = what
        if kind == "inline" and len(content) == 1 and draw(st.booleans()):  # write it as a dotted key instead
            ((name, inner),) = content.items()
            return pair(path, [*names, name], inner)
        written.mark((*path, *names), len(path) + 1)
        written.text += f"{draw(SPACE)}.{draw(SPACE)}".join(map(key, names)) + f"{draw(SPACE)}={draw(SPACE)}"
        return value((*path, *names), what)

    def table(path: Path, header: list[str], content: tuple) -> None:
        pairs, tables = content
        for name, what in pairs.items():
            pair(path, [name], what)
            written.text += draw(st.sampled_from(["\n", " # [x]\n", "\r\n\n"]))
        for name, inner in tables.items():
            if name in pairs:
                continue
            below = [*header, name]
            if isinstance(inner, list):
                for index, element in enumerate(inner):
                    written.mark((*path, name), len(path) + 1)
                    written.mark((*path, name, index), len(path) + 2)
                    written.text += f"[[{'.'.join(map(key, below))}]]{draw(SPACE)}\n"
                    table((*path, name, index), below, element)
            else:
                written.mark((*path, name), len(path) + 1)
                written.text += f"[{draw(SPACE)}{' . '.join(map(key, below))}]{draw(SPACE)}# x = 1\n"
                table((*path, name), below, inner)

    table((), [], draw(TABLES))
    return written


@given(documents())
def test_each_key_has_the_line_that_it_was_written_on(written):
    assert set(written.lines) == paths(tomllib.loads(written.text))
    assert key_lines(written.text) == written.lines


PIECES = [
    "a = 1",
    "[a]",
    "[[a]]",
    "[a.b]",
    "[[a.b]]",
    "a.b = {c = [",
    "1,",
    "]}",
    "b = '''",
    "x = 1",
    "'''",
    '"',
    "#",
    "]",
]


@given(st.lists(st.sampled_from(PIECES), max_size=9).map("\n".join))
def test_all_keys_of_a_valid_document_are_found(text):
    try:
        expected = paths(tomllib.loads(text))
    except tomllib.TOMLDecodeError:
        return
    assert set(key_lines(text)) == expected


@pytest.mark.parametrize("quotes", ['"', "'"])
def test_quotes_before_the_closing_ones_belong_to_the_text(quotes):
    for count in range(3):
        text = f"a = {quotes * 3}x{quotes * count}{quotes * 3}\nb = 1"
        assert tomllib.loads(text)["a"] == "x" + quotes * count
        assert key_lines(text) == {("a",): 1, ("b",): 2}
