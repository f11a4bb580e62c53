"""Values that nobody means and somebody writes: scalars, names and expressions, as they stand in a config's text."""

from __future__ import annotations


class Raw(str):
    """Text that goes into a file as it is, unquoted."""


DIGITS = "9" * 400

# By what they are, so that it can be said where they surely are wrong.
SCALARS: dict[str, list[str]] = {
    "number": [
        "0", "-0.0", "-1", "1", "0.5", "3", "1e-320", "5e-324", "-1e-9", "1e-9", "1e5", "1e19", "1e30", "1e308", "-1e308",
        "3.5e38", "65536", "2147483648", "4294967296", "9223372036854775807", "9223372036854775808",
        "-9223372036854775809", "18446744073709551616", "0x7fffffffffffffff", "1" + "0" * 39, DIGITS, "9" * 5000,
    ],
    "not finite": [".inf", "-.inf", ".nan", "1e999", "-1e999"],
    "text": [
        '""', '" "', "NaN", "inf", "yes", "1_000", "1:30", "2020-01-01", '"1 parsec"', '"\\0"', '"a\\0b"', '"\\x1b[31mred"',
        '"\\ud800"', '"\\u202ereversed"', '"a\\nb"', '".."', '"../x"', '"/etc/passwd"', '"."', '"a/b"', '"a.b"', '"%s%n%x"',
        '"{0.__class__}"', '"${HOME}"', '"\\\\"', '"' + "x" * 10_000 + '"', '"\u00fcml\u00e4ut \U0001f600"', '"-"', '"!"',
    ],
    "quantity": ['"1 mV"', '"0 ms"', '"-5 ms"', '"1e999 ms"', '"1e308 s"', '"1e-320 ms"', f'"{DIGITS} ms"', '"1 h"'],
    "truth": ["true", "false"],
    "nothing": ["null", "~"],
    "collection": [
        "[]", "{}", "[[]]", "[[a]]", "[null]", "[1, 2, 3]", "[[[1.0]]]", "{a: 1}", "{rule: [x]}", "{rule: {rule: [x]}}",
        "{null: null}", "[.nan, 1e999]", "{model: [x]}", "{normal: [[1], {a: 2}]}", "{uniform: [a, b]}", "{normal: 1e308}",
        "[[1.0, [2.0]], 3.0]", "{slice: [0, 1]}", "{population: [x], slice: 3}", "{file: [1]}", "{edges: 5}",
    ],
    "tag": [
        "!!python/name:os.system", '!!python/object/apply:os.system ["true"]', '!!binary "aGk="', "!!set {a, b}",
        '!!int "x"', '!!float "x"', '!!timestamp "x"', "*nowhere", "&a [*a]", "&a {a: *a}", "!unknown 3",
    ],
}  # fmt: skip
TOKENS = [(kind, token) for kind, tokens in SCALARS.items() for token in tokens]

KEYS = [
    '""', '" "', "null", "1", "1.5", "true", ".nan", '"\\0"', '"a\\0b"', '"\\x1b[2J"', '"\\ud800"', '".."', '"../x"', '"/tmp"',
    '"a.b"', '"a/b"', '"' + "k" * 5000 + '"', '"\u202ekey"', "? [a, b]", "? {a: b}", '"__class__"', '"self"', '"\\n"',
    '"%s"', '"<<"', '"="', '"\u00fc"', '"lambda"', '"0x10"', "2020-01-01",
]  # fmt: skip

# Expressions that give no finite number, whatever they cost.
EXPRESSIONS = [
    "=", "= ", "==", "=1;2", "=10**400", "=4000000**4000000", "='%999999999d' % 1", "=" + "1+" * 900 + "1",
    "=" + "(" * 400 + "1" + ")" * 400, "='a' * 1000000000", "=[1] * 1000000000", "=[0] * 10**9", "=1/0", "=0**-1", "=log(0)",
    "=log(-1)", "=sqrt(-1)", "=exp(1e6)", "=1e308*10", "=1e999", "=1e999-1e999", "=(-8)**0.5", "=1 if", "=x y", "=nowhere",
    "=nowhere()", "=().__class__", "=(1).__class__.__bases__", "=(lambda: 1)()", "=[x for x in range(10**9)]", "=1<<1000000000",
    "=2**0.5.__class__", "=__import__('os').system('true')", "=min()", "=max([])", "=min('a')", "=round('a')", "=abs([])",
    "='text'", "=None", "=True", "=1==1", "=[1]", "={1: 2}", "=(1, 2)", "=\u0664+", "=1\n2", "=a:=3", "=f'{1}'", "=0x", "=1__0",
    "=9" + "9" * 4999, "=sqrt(10**400)", "=exp(710)", "=round(1e308, -400)", "=10.0**309", "=pi(1)", "='%s' % ('a' * 100000)",
    "=min(1, 'a')", "=[1][5]", "={}[1]", "=-'a'", "=~1.5", "=not", "=1 and", "=*1", "=yield", "=await 1", "=\x00",
]  # fmt: skip
