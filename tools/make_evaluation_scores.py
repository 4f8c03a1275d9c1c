"""Writes library/src/test/resources/fixtures/evaluate/scores.json: texts of answers and their scores.

The scores are computed here from the definitions, with Python's own json and re modules, and without any code of
Bowline. Python 3.11 and its standard library are enough.

    python3 tools/make_evaluation_scores.py
"""

import decimal
import json
import pathlib
import random
import re

random.seed(7)
OUT = pathlib.Path("library/src/test/resources/fixtures/evaluate/scores.json")
PATTERN = r"\d{4}-\d{2}"


def is_json(text):
    try:
        return True, json.loads(text, parse_float=decimal.Decimal)
    except ValueError:
        return False, None


def same(one, other):
    """Equality of JSON values, in which true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other))
    numbers = (int, float, decimal.Decimal)
    return type(one) in numbers and type(other) in numbers and one == other or (
        type(one) is type(other) and one == other
    )


def fields(expected, answer):
    ok, wanted = is_json(expected)
    if not ok or not isinstance(wanted, dict) or not wanted:
        return None
    ok, there = is_json(answer)
    if not ok or not isinstance(there, dict):
        return 0.0
    return sum(1 for k in wanted if k in there and same(wanted[k], there[k])) / len(wanted)


def share(wanted, there):
    return sum(1 for k in wanted if k in there and same(wanted[k], there[k])) / len(wanted) if wanted else 1.0


def calls_scores(expected, found):
    """Of lists of (name, arguments), where arguments may be None."""
    exact = len(expected) == len(found) and all(
        a[0] == b[0] and a[1] is not None and b[1] is not None and same(a[1], b[1]) for a, b in zip(expected, found)
    )
    scores = {"tool_call": float(exact)}
    if expected:
        pairs = [(e, found[i] if i < len(found) else None) for i, e in enumerate(expected)]
        count = len(expected)
        scores["tool_call.has_call"] = float(bool(found))
        scores["tool_call.name_correct"] = sum(1 for e, f in pairs if f and f[0] == e[0]) / count
        scores["tool_call.args_json_valid"] = sum(1 for e, f in pairs if f and f[1] is not None) / count
        valid = [(e, f) for e, f in pairs if f and f[1] is not None]
        scores["tool_call.args_field_recall"] = sum(share(e[1] or {}, f[1]) for e, f in valid) / count
        scores["tool_call.args_field_precision"] = sum(share(f[1], e[1] or {}) for e, f in valid) / count
    return scores


def hermes(calls):
    return "\n".join(
        "<tool_call>\n%s\n</tool_call>" % json.dumps({"name": n, "arguments": a}) if a is not None
        else "<tool_call>\n{\"name\": %s, \"arguments\": 7}\n</tool_call>" % json.dumps(n)
        for n, a in calls
    )


def llama(calls):
    return "".join(json.dumps({"name": n, "parameters": a}) for n, a in calls)


def mistral(calls):
    return "[TOOL_CALLS]" + json.dumps([{"name": n, "arguments": a} for n, a in calls]) if calls else ""


def mistral_args(calls):
    return "".join("[TOOL_CALLS]%s[ARGS]%s" % (n, json.dumps(a)) for n, a in calls)


def openai(calls):
    return json.dumps(
        [{"type": "function", "function": {"name": n, "arguments": json.dumps(a)}} for n, a in calls]
    ) if calls else ""


def gemma_value(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '<|"|>' + value + '<|"|>'
    if isinstance(value, dict):
        return "{" + ",".join('<|"|>%s<|"|>:%s' % (k, gemma_value(v)) for k, v in sorted(value.items())) + "}"
    if isinstance(value, list):
        return "[" + ",".join(gemma_value(v) for v in value) + "]"
    return json.dumps(value)


def gemma(calls):
    return "".join(
        "<|tool_call>call:%s{%s}<tool_call|>" % (n, ",".join("%s:%s" % (k, gemma_value(v)) for k, v in sorted(a.items())))
        for n, a in calls
    )


TEXTS = [
    ("2021-05-03", "2021-05-03"),
    ("2021-05-03", " 2021-05-03\n"),
    ("2021-05-03", "It is 2021-05-03."),
    ("2021-05-03", ""),
    ("{\"a\": 1, \"b\": [1, 2]}", "{\"b\": [1, 2.0], \"a\": 1.0}"),
    ("{\"a\": 1, \"b\": \"x\"}", "{\"a\": 1, \"b\": \"y\", \"c\": 3}"),
    ("{\"a\": true}", "{\"a\": 1}"),
    ("{\"a\": null}", "{}"),
    ("{\"a\": {\"b\": 1}}", "{\"a\": {\"b\": 1}"),
    ("[1]", "[1]"),
    ("{\"a\": 10000000000000000000001}", "{\"a\": 1.0000000000000000000001e22}"),
    ("yes", "\"yes\""),
]

VALUES = [1, 2.5, True, False, None, "x", "a: {b}, c", [1, "y"], {"k": "v", "n": [True]}, "ünïcödé", -3]
NAMES = ["add", "get_weather", "search.web"]


def some_calls():
    return [
        (random.choice(NAMES), {k: random.choice(VALUES) for k in random.sample(["a", "b", "city"], random.randint(0, 3))})
        for _ in range(random.randint(1, 2))
    ]


def changed(calls):
    how = random.choice(["same", "none", "name", "value", "field", "more", "fewer"])
    calls = [(n, dict(a)) for n, a in calls]
    if how == "none":
        return []
    if how == "name":
        calls[0] = ("other", calls[0][1])
    if how == "value" and calls[0][1]:
        calls[0][1][next(iter(calls[0][1]))] = "changed"
    if how == "field":
        calls[0][1]["extra"] = 1
    if how == "more":
        calls.append(("add", {}))
    if how == "fewer":
        calls.pop()
    return calls


rows = []
for expected, answer in TEXTS:
    text = answer.strip()
    scores = {
        "exact_match": float(text == expected.strip()),
        "contains": float(expected.strip() in text),
        "regex": float(re.search(PATTERN, text) is not None),
        "json_valid": float(is_json(text)[0]),
    }
    found = fields(expected.strip(), text)
    if found is not None:
        scores["json_fields"] = found
    rows.append({"expected": expected, "answer": answer, "scores": scores})

calls = []
for form in (hermes, llama, mistral, mistral_args, openai, gemma):
    for _ in range(20):
        expected = some_calls()
        answered = changed(expected)
        calls.append(
            {
                "form": form.__name__,
                "expected": form(expected) + "<end>",
                "answer": "Sure {not json}: " + form(answered),
                "scores": calls_scores(expected, answered),
            }
        )
broken = [("add", {"a": 1})]
calls.append({"form": "hermes", "expected": hermes(broken), "answer": hermes([("add", None)]),
              "scores": calls_scores(broken, [("add", None)])})

OUT.parent.mkdir(parents=True, exist_ok=True)
OUT.write_text(json.dumps({"pattern": PATTERN, "texts": rows, "tool_calls": calls}, indent=1, ensure_ascii=False) + "\n")
