"""What is asked at a million items: each kind of question that people ask, with a fresh example every time. The
words are those that benches/million.rs writes."""

NAMES, GIVEN = "王李张刘陈杨赵黄周吴徐", ["伟", "小明", "建国", "秀英", "志强", "晓东"]
PLACES = ["卫生院", "小吃店", "食堂", "游泳馆"]
KINDS = ["video", "audio", "image", "document", "sidecar"]


def kinds(dice, samples):
    """Questions by their title. `samples` are items that are there."""
    asked = Examples(dice, samples)
    return {
        "everything": lambda: {},
        "dock": asked.dock,
        "kind": lambda: {"kind": dice.choice(KINDS)},
        "quarantined": lambda: {"state": "quarantined"},
        "fingerprint": lambda: {"sha256": asked.sample()["sha256"]},
        "one day": asked.day,
        "dock and day": lambda: {**asked.dock(), **asked.day()},
        "kind and day": lambda: {"kind": "document", **asked.day()},
        "dock and kind": lambda: {**asked.dock(), "kind": "document"},
        "text: two characters": asked.person,
        "text: one character": lambda: {"text": dice.choice(NAMES)},
        "text: place": lambda: {"text": dice.choice(PLACES)},
        "text: recorder": lambda: {"text": asked.recorder()},
        "text: date": lambda: {"text": asked.date().replace("-", "")},
        "text: beginning": lambda: {"text": "DSJ"},
        "text: whole name": lambda: {"text": asked.sample()["name"]},
        "text: name and recorder": lambda: {"text": f"{asked.person()['text']} {asked.recorder()}"},
        "text and dock": lambda: {**asked.person(), **asked.dock()},
        "text and day": lambda: {**asked.person(), **asked.day()},
        "text and quarantined": lambda: {**asked.person(), "state": "quarantined"},
        "text and kind": lambda: {**asked.person(), "kind": "document"},
        "text: not there": lambda: {"text": "轩辕"},
    }


class Examples:
    def __init__(self, dice, samples):
        self.dice, self.samples = dice, samples

    def sample(self):
        return self.dice.choice(self.samples)

    def date(self):
        return f"{self.dice.choice((2024, 2025))}-{self.dice.randint(1, 12):02}-{self.dice.randint(1, 28):02}"

    def recorder(self):
        return f"DSJ{self.dice.randint(0, 119):03}"

    def dock(self):
        return {"dock": f"station-{self.dice.randint(1, 10):02}"}

    def day(self):
        date = self.date()
        return {"since": f"{date}T00:00:00Z", "until": f"{date}T23:59:59Z"}

    def person(self):
        return {"text": self.dice.choice(NAMES) + self.dice.choice(GIVEN)}
