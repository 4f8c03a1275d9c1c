"""The small talk that the demo checkpoint is pre-trained on: copying, looking up, reordering, naming neighbours.

`chatter(chance)` returns one question and its answer. Month names, and which number each month has, are among the small
facts; no task is about dates.
"""

MONTHS = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
]  # fmt: skip
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
NUMBERS = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
]  # fmt: skip
NAMES = [
    "Anna", "Bela", "Chloe", "David", "Elena", "Farid", "Grace", "Hugo", "Ines", "Jonas", "Kira", "Leo", "Mara", "Nils",
    "Olga", "Pavel", "Rosa", "Sami", "Tara", "Ugo", "Vera", "Wim", "Yara", "Zoe",
]  # fmt: skip
CITIES = [
    "Oslo", "Lima", "Rome", "Cairo", "Delhi", "Kyoto", "Paris", "Quito", "Sofia", "Tunis", "Vienna", "Warsaw",
    "Lagos", "Bern", "Dublin", "Hanoi",
]  # fmt: skip
THINGS = [
    "apple", "bread", "chair", "drum", "engine", "flute", "garden", "hammer", "island", "jacket", "kettle", "ladder",
    "mirror", "needle", "orange", "pencil", "quilt", "rope", "saddle", "table", "umbrella", "violin", "window", "yarn",
]  # fmt: skip
COLOURS = ["red", "blue", "green", "yellow", "black", "white", "brown", "grey", "violet", "silver"]
VERBS = ["buys", "sells", "finds", "paints", "carries", "repairs", "borrows", "wraps"]


def digits(chance, least, most):
    return "".join(chance.choice("0123456789") for _ in range(chance.randint(least, most)))


def word(chance):
    return chance.choice(chance.choice([THINGS, COLOURS, NAMES, CITIES, MONTHS, DAYS, NUMBERS]))


def piece(chance):
    return word(chance) if chance.random() < 0.5 else digits(chance, 1, 4)


def repeat(chance):
    mark = chance.choice([" ", ", ", " - ", "/", "-", ":", " and "])
    said = mark.join(piece(chance) for _ in range(chance.randint(1, 4)))
    asked = chance.choice(["Repeat {}.", "Say {} again.", "Copy this: {}", "What did I write here: {}?"])
    return asked.format(said), said


def pick(chance):
    parts = [piece(chance) for _ in range(chance.randint(2, 4))]
    place = chance.randrange(len(parts))
    mark = chance.choice([", ", "; ", " | ", "/"])
    order = ["first", "second", "third", "fourth"][place]
    return f"What is the {order} of {mark.join(parts)}?", parts[place]


def reorder(chance):
    parts = [piece(chance) for _ in range(chance.randint(2, 3))]
    mark = chance.choice([", ", " ", "; ", " + "])
    asked = chance.choice(["Turn around {}.", "Reverse the list {}.", "Backwards: {}"])
    return asked.format(mark.join(parts)), mark.join(reversed(parts))


def rejoin(chance):
    parts = [piece(chance) for _ in range(chance.randint(2, 3))]
    old, new = chance.sample([(", ", "commas"), ("+", "plus signs"), ("/", "slashes"), ("*", "stars")], 2)
    return f"Join {old[0].join(parts)} with {new[1]}.", new[0].join(parts)


def order_of(chance):
    name, city, thing, colour = (chance.choice(words) for words in (NAMES, CITIES, THINGS, COLOURS))
    number = digits(chance, 2, 5)
    story = f"{name} {chance.choice(VERBS)} a {colour} {thing} in {city}, order {number}."
    asked, answer = chance.choice(
        [
            ("Who is it?", name),
            ("Which city?", city),
            ("Which thing?", thing),
            ("Which colour?", colour),
            ("Which order?", number),
        ]
    )
    return f"{story} {asked}", answer


def neighbour(chance):
    circle = chance.choice([MONTHS, DAYS, NUMBERS])
    place = chance.randrange(1, len(circle) - 1)
    after = chance.random() < 0.5
    return f"What comes {'after' if after else 'before'} {circle[place]}?", circle[place + (1 if after else -1)]


def place_in(chance):
    kind, circle = chance.choice([("month", MONTHS), ("month", MONTHS), ("day", DAYS)])
    place = chance.randrange(len(circle))
    name, number = circle[place], str(place + 1)
    if chance.random() < 0.3:
        name = name[:3]
    if chance.random() < 0.5:
        return f"Which number has the {kind} {name}?", number
    return f"Which {kind} has number {number.zfill(chance.randint(1, 2))}?", circle[place]


def spell(chance):
    said = chance.choice([digits(chance, 2, 4), chance.choice(THINGS)])
    return f"Spell {said} letter by letter.", " ".join(said)


def pad(chance):
    number = str(chance.randrange(1, 1000))
    width = chance.randint(3, 5)
    return f"Fill {number} with zeros to {NUMBERS[width]} places.", number.zfill(width)


def about(chance):
    name, thing, colour, month = (chance.choice(words) for words in (NAMES, THINGS, COLOURS, MONTHS))
    return f"Tell me about {name}.", chance.choice(
        [
            f"{name} {chance.choice(VERBS)} a {colour} {thing} every {month}.",
            f"In {month} {name} lives in {chance.choice(CITIES)}.",
            f"{name} has {chance.choice(NUMBERS)} {colour} things and likes {chance.choice(DAYS)}.",
        ]
    )


KINDS = [repeat, repeat, pick, reorder, rejoin, order_of, order_of, neighbour, place_in, place_in, spell, pad, about]


def chatter(chance):
    return chance.choice(KINDS)(chance)
