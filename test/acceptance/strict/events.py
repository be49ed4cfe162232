#!/usr/bin/env python3
"""Reads events of Amazon Chime SDK PSTN Audio as strictly as a typed handler would, and says what is wrong with them.

    events.py dialogue.txtar ...    the sections "event" of golden dialogues, with the answers between them
    events.py --lines < calls       one JSON object per line: {"event": "...", "answer": "..."}, both as text
    events.py --prove dialogue.txtar ...
                                    bends every event in every place, and says where that was not noticed

Nothing is taken that is not listed here: no other key, no other word of a set, no null, no number for a text. An action in an
event must be one that an answer held, with the same parameters, and nothing added but what the vendor adds. What the customer
alone defines (TransactionAttributes, Arguments, parameters that he gave) must be what he gave.

Exit status: 0 when all is well, 1 when not, 2 for a wrong call of this program.
"""

import json
import re
import sys

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
DIGITS = re.compile(r"[0-9*#A-D]{0,128}\Z")
EVENTS = {
    "NEW_INBOUND_CALL", "NEW_OUTBOUND_CALL", "RINGING", "CALL_ANSWERED", "ACTION_SUCCESSFUL", "ACTION_FAILED",
    "ACTION_INTERRUPTED", "DIGITS_RECEIVED", "CALL_UPDATE_REQUESTED", "HANGUP", "INVALID_LAMBDA_RESPONSE",
}
ACTIONS = {
    "CallAndBridge", "Hangup", "JoinChimeMeeting", "ModifyChimeMeetingAttendees", "Pause", "PauseCallRecording", "PlayAudio",
    "PlayAudioAndGetDigits", "ReceiveDigits", "RecordAudio", "ResumeCallRecording", "SendDigits", "Speak", "SpeakAndGetDigits",
    "StartBotConversation", "StartCallRecording", "StopCallRecording", "VoiceFocus",
}
INTERRUPTIBLE = {"Pause", "PlayAudio", "RecordAudio", "Speak"}
FAILURES = {
    "InvalidActionParameter", "MissingRequiredActionParameter", "InvalidAudioSource", "InvalidDigitsReceived", "CallNotAnswered",
    "SystemException", "AccessDenied", "ActionExecutionThrottled", "ResourceNotFound", "ResourceAccessDenied",
}
# The first two are the vendor's; for the others it names only the texts of its log.
COMPLAINTS = {
    "TransactionAttributesInvalidMapSize", "ActionExecutionThrottled", "TransactionAttributesInvalidSize", "InvalidSchemaVersion",
    "InvalidActionsList", "UnsupportedAction", "TooManyActions", "EmptyResponse",
}


class Wrong(Exception):
    """What is wrong, and where in the event."""

    def __init__(self, path, why):
        super().__init__(f"{path or 'the event'}: {why}")


class Fraction(str):
    """A number with a fraction, digit by digit."""


def read(text):
    """Reads JSON as it stands: no key twice, no fraction rounded, no word that is not JSON."""

    def once(pairs):
        keys = [k for k, _ in pairs]
        if len(set(keys)) != len(keys):
            raise Wrong("", f"a key is there twice: {keys}")
        return dict(pairs)

    def no_number(word):
        raise Wrong("", f"{word} is not JSON")

    return json.loads(text, object_pairs_hook=once, parse_float=Fraction, parse_constant=no_number)


# Shapes: functions of a value and its path that raise Wrong.


def text(value, path):
    if type(value) is not str:
        raise Wrong(path, f"text is needed, not {value!r}")


def filled(value, path):
    text(value, path)
    if not value.strip():
        raise Wrong(path, "it is blank")


def whole(low):
    def check(value, path):
        if type(value) is not int or value < low:
            raise Wrong(path, f"a whole number from {low} is needed, not {value!r}")

    return check


def matching(pattern):
    def check(value, path):
        text(value, path)
        if not pattern.match(value):
            raise Wrong(path, f"{value!r} is not of the form {pattern.pattern}")

    return check


def one_of(*words):
    def check(value, path):
        if type(value) is not str or value not in words:
            raise Wrong(path, f"{value!r} is none of {', '.join(sorted(words))}")

    return check


def each(shape):
    """An object of any keys whose values are alike."""

    def check(value, path):
        is_object(value, path)
        for key, v in value.items():
            shape(v, f"{path}[{key!r}]")

    return check


def all_of(shape):
    """A list whose elements are alike."""

    def check(value, path):
        if type(value) is not list:
            raise Wrong(path, f"a list is needed, not {value!r}")
        for i, v in enumerate(value):
            shape(v, f"{path}[{i}]")

    return check


def is_object(value, path):
    if type(value) is not dict:
        raise Wrong(path, f"an object is needed, not {value!r}")


def members(value, path, **shapes):
    """An object of these keys and no others. One whose name ends with _ may be missing."""
    is_object(value, path)
    for key in value:
        if key not in shapes and key + "_" not in shapes:
            raise Wrong(path, f"{key!r} is not listed")
    for name, shape in shapes.items():
        key = name.rstrip("_")
        if key in value:
            shape(value[key], f"{path}.{key}")
        elif key == name:
            raise Wrong(path, f"{key!r} is missing")


def object_of(**shapes):
    return lambda value, path: members(value, path, **shapes)


def anything(value, path):
    """What is checked elsewhere."""


uuid = matching(UUID)
leg_tag = one_of("LEG-A", "LEG-B")
error_type = one_of(*FAILURES)


def slots(value, path):
    """The slots of an intent; one that is not filled is null, as the bot's service says it."""
    is_object(value, path)
    for name, slot in value.items():
        if slot is not None:
            members(slot, f"{path}.{name}", Value_=slot_value, Values_=all_of(object_of(Value_=slot_value)), SubSlots_=slots)


slot_value = object_of(OriginalValue_=text, InterpretedValue_=text, ResolvedValues_=all_of(text))
intent = object_of(
    Name_=text,
    Slots_=slots,
    State_=one_of("Failed", "Fulfilled", "ReadyForFulfillment", "InProgress", "FulfillmentInProgress", "Waiting"),
    ConfirmationState_=one_of("Confirmed", "Denied", "None"),
)


def number(value, path):
    if type(value) not in (int, Fraction):
        raise Wrong(path, f"a number is needed, not {value!r}")


intent_result = object_of(
    SessionId_=text,
    SessionState=object_of(SessionAttributes_=each(text), Intent_=intent),
    Interpretations=all_of(object_of(NluConfidence_=object_of(Score=number), Intent_=intent)),
)

# What the success of an action brings beside Type and Parameters.
RESULTS = {
    "PlayAudioAndGetDigits": {"ReceivedDigits": matching(DIGITS)},
    "SpeakAndGetDigits": {"ReceivedDigits": matching(DIGITS)},
    "ReceiveDigits": {"ReceivedDigits": one_of("")},
    "RecordAudio": {
        "RecordingDestination": object_of(Type=one_of("S3"), BucketName=filled, Key=filled),
        "RecordingTerminatorUsed_": matching(re.compile(r"[0-9*#]\Z")),
    },
    "StartCallRecording": {"CallRecordingDestination": object_of(Type=one_of("S3"), Location=filled)},
    "StartBotConversation": {"IntentResult": intent_result},
}
# What the failure of an action brings beside ErrorType and ErrorMessage.
MORE = {
    "JoinChimeMeeting": {"Error_": filled},
    "StartCallRecording": {"Error_": filled},
    "ModifyChimeMeetingAttendees": {"ErrorList_": all_of(text)},
}
# What is added to the parameters that were given.
GATHER = {
    "MinNumberOfDigits": whole(0), "MaxNumberOfDigits": whole(1),
    "InBetweenDigitsDurationInMilliseconds": whole(1), "Repeat": whole(1),
}
ADDED = {"PlayAudioAndGetDigits": GATHER, "SpeakAndGetDigits": GATHER}

participant_keys = dict(
    CallId=uuid,
    ParticipantTag=leg_tag,
    To=filled,
    From=filled,
    Direction=one_of("Inbound", "Outbound"),
    StartTimeInMilliseconds=matching(re.compile(r"[0-9]{12,13}\Z")),
)


def participants(kind):
    """The legs of the call: LEG-A first. There is no Status before the answer, and always one where handlers count on it."""
    status = one_of("Connected", "Disconnected")
    if kind in ("NEW_INBOUND_CALL", "NEW_OUTBOUND_CALL", "RINGING"):
        keys = dict(participant_keys)
    elif kind in ("HANGUP", "CALL_ANSWERED") or kind.startswith("ACTION_"):
        keys = dict(participant_keys, Status=status)
    else:
        keys = dict(participant_keys, Status_=status)

    def headers(value, path):
        each(text)(value, path)
        if not value:
            raise Wrong(path, "it is there without a header")

    def check(value, path):
        all_of(object_of(**keys, SipHeaders_=headers))(value, path)
        tags = [p["ParticipantTag"] for p in value]
        if tags not in (["LEG-A"], ["LEG-A", "LEG-B"]):
            raise Wrong(path, f"the legs are {tags}")
        if len({p["CallId"] for p in value}) != len(value):
            raise Wrong(path, "two legs have one CallId")

    return check


class Call:
    """What was said in one call so far."""

    def __init__(self):
        self.sequence = 0
        self.app = None  # whose function was told last
        self.whole = None  # its first event was seen: all answers are known
        self.given = []  # actions of all answers, as (Type, Parameters)
        self.attributes = []  # of all answers

    def answer(self, body):
        """Takes what the function answered; nonsense gives nothing."""
        try:
            said = read(body)
        except (ValueError, Wrong):
            return
        if type(said) is not dict:
            return
        if type(said.get("Actions")) is list:
            self.given += [(a.get("Type"), a.get("Parameters") or {}) for a in said["Actions"] if type(a) is dict]
        if said.get("TransactionAttributes") is not None:
            self.attributes.append(said["TransactionAttributes"])

    def event(self, ev):
        """Checks an event, and takes it as the next one."""
        self.check(ev)
        self.sequence, self.app = ev["Sequence"], ev["CallDetails"]["SipMediaApplicationId"]

    def check(self, ev):
        is_object(ev, "")
        kind = ev.get("InvocationEventType")
        one_of(*EVENTS)(kind, "InvocationEventType")
        if self.whole is None:
            self.whole = kind.startswith("NEW_")
        top = dict(SchemaVersion=one_of("1.0"), Sequence=whole(1), InvocationEventType=anything, CallDetails=self.details(kind))
        data = self.data(kind)
        if data:
            top["ActionData_" if kind == "NEW_OUTBOUND_CALL" else "ActionData"] = data
        if kind == "INVALID_LAMBDA_RESPONSE":
            top.update(ErrorType=one_of(*COMPLAINTS), ErrorMessage=filled)
        members(ev, "", **top)
        first = kind.startswith("NEW_")
        if first and ev["Sequence"] != 1:
            raise Wrong("Sequence", f"a call begins with 1, not {ev['Sequence']}")
        again = self.app not in (None, ev["CallDetails"]["SipMediaApplicationId"])  # another function is told the same
        if not first and self.whole and ev["Sequence"] != self.sequence + (not again):
            raise Wrong("Sequence", f"{ev['Sequence']} follows {self.sequence}")

    def details(self, kind):
        shapes = dict(
            TransactionId=uuid,
            TransactionAttributes_=self.stored,
            AwsAccountId=matching(re.compile(r"[0-9]{12}\Z")),
            AwsRegion=matching(re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]\Z")),
            SipRuleId_=filled,
            SipMediaApplicationId=filled,
            Participants=participants(kind),
        )
        if kind in ("NEW_OUTBOUND_CALL", "RINGING", "CALL_ANSWERED"):
            del shapes["SipRuleId_"]  # no rule brought such a call
        return object_of(**shapes)

    def stored(self, value, path):
        is_object(value, path)
        if self.whole and not any(same(value, a) for a in self.attributes):
            raise Wrong(path, f"no answer has set {value!r}")

    def data(self, kind):
        """The shape of ActionData; None where there is none."""
        arguments = object_of(Arguments=each(text))
        if kind == "NEW_OUTBOUND_CALL":
            return object_of(Type=one_of("CallCreateRequest"), Parameters=arguments)
        if kind == "CALL_UPDATE_REQUESTED":
            return object_of(Type=one_of("CallUpdateRequest"), Parameters=arguments)
        if kind == "HANGUP":
            hangup = object_of(SipResponseCode=whole(0), CallId=uuid, ParticipantTag=leg_tag)
            return object_of(Type=one_of("Hangup"), Parameters=hangup)
        if kind == "DIGITS_RECEIVED":
            return self.action({"ReceiveDigits"}, lambda _: {"ReceivedDigits": matching(re.compile(r"[0-9*#A-D]{1,128}\Z"))})
        if kind == "ACTION_SUCCESSFUL":
            return self.action(ACTIONS, lambda name: RESULTS.get(name, {}))
        if kind == "ACTION_FAILED":
            return self.action(ACTIONS, lambda name: dict(ErrorType=error_type, ErrorMessage=filled, **MORE.get(name, {})))
        if kind == "ACTION_INTERRUPTED":
            return self.action(INTERRUPTIBLE, lambda _: {})
        return None

    def action(self, names, results):
        def check(value, path):
            is_object(value, path)
            name = value.get("Type")
            one_of(*names)(name, path + ".Type")
            members(value, path, Type=anything, Parameters=self.echo(name), **results(name))
            if "ErrorType" not in value:
                uuid(value["Parameters"].get("CallId"), path + ".Parameters.CallId")

        return check

    def echo(self, name):
        added = dict(ADDED.get(name, {}), CallId=uuid)

        def check(value, path):
            is_object(value, path)
            if not self.whole:
                return  # another function gave the action
            why = "no answer held such an action"
            for kind, given in self.given:
                if kind != name or type(given) is not dict:
                    continue
                try:
                    return echoes(value, given, added, path)
                except Wrong as e:
                    why = str(e)
            raise Wrong(path, why)

        return check


def echoes(value, given, added, path):
    """Parameters as they were given, in their order, with what was blank filled in and what was missing behind them."""
    if list(value)[: len(given)] != list(given):
        raise Wrong(path, f"the keys {list(value)} do not begin with those given: {list(given)}")
    for key, v in value.items():
        if key in given and same(v, given[key]):
            continue
        if key not in added or key in given and given[key] not in ("", None):
            raise Wrong(f"{path}.{key}", f"nobody gave {v!r}")
        added[key](v, f"{path}.{key}")


def same(a, b):
    """Equality that tells 1 from true and from 1.0, and heeds the order of keys."""
    if type(a) is not type(b):
        return False
    if type(a) is dict:
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if type(a) is list:
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    return a == b


# Where events come from.


def sections(text):
    """The sections of a txtar file: line number, name, body."""
    out, line = [], 0
    for row in text.splitlines(keepends=True):
        line += 1
        m = re.match(r"-- (.+) --\s*\Z", row)
        if m:
            out.append([line, m.group(1), ""])
        elif out:
            out[-1][2] += row
    return out


def dialogue(path, visit):
    """Calls visit(where, call, event) for each event of a dialogue. An answer is the function's to the event before."""
    with open(path, encoding="utf-8") as f:
        parts = sections(f.read())
    call = Call()
    for line, name, body in parts:
        if name == "answer":
            call.answer(body)
        elif name.startswith("next "):
            call.sequence = 0  # the rule's next application begins anew
        elif name == "event":
            visit(f"{path}:{line}", call, read(body))


def lines(stream, visit):
    """Does so for what a function was told and answered, one of both a line, of any calls."""
    calls = {}
    for n, row in enumerate(stream, 1):
        pair = json.loads(row)
        event = read(pair["event"])
        details = event.get("CallDetails") if type(event) is dict else None
        call = calls.setdefault(details.get("TransactionId") if type(details) is dict else None, Call())
        visit(f"line {n}", call, event)
        call.answer(pair.get("answer") or "")


class Reader:
    """Counts events and says what is wrong with them."""

    def __init__(self):
        self.seen = self.wrong = 0

    def visit(self, where, call, event):
        self.seen += 1
        try:
            call.event(event)
        except Wrong as e:
            self.wrong += 1
            print(f"{where}: {e}\n\t{json.dumps(event)}")
            if type(event) is dict and type(event.get("Sequence")) is int:
                call.sequence = event["Sequence"]


def bent(value):
    """Gives a value bent in one place after the other, with what was done."""
    if type(value) is dict:
        yield dict(value, Unlisted="x"), "a key more"
        for key, v in value.items():
            rest = {k: w for k, w in value.items() if k != key}
            yield dict(rest, **{key + "X": v}), f"{key} misspelt"
            for b, what in bent(v):
                yield {k: b if k == key else w for k, w in value.items()}, f"{key}: {what}"
    elif type(value) is list:
        for i, v in enumerate(value):
            for b, what in bent(v):
                yield value[:i] + [b] + value[i + 1 :], f"[{i}]: {what}"
    if value is not None:
        yield None, "null"
    yield [value], "in a list"
    if type(value) is str:
        yield 5, "a number"
        if value in EVENTS | ACTIONS | FAILURES | COMPLAINTS | {"LEG-A", "LEG-B", "Connected", "Disconnected", "Inbound", "Outbound", "S3"}:
            yield value + "S", "another word"
    elif type(value) is int:
        yield str(value), "text"
        yield bool(value), "a truth"


class Prover(Reader):
    """Bends each event in each place, and wants every one to be noticed."""

    # What the customer himself named, nobody can judge by its shape: headers, arguments, attributes, slots, which may be empty.
    FREE = re.compile(
        r"(CallDetails: Participants: \[\d\]: SipHeaders|ActionData: Parameters: Arguments|.*: SessionAttributes|.*: Slots)"
        r": (a key more|\S+ misspelt|(?<=Slots: )\w+: null)\Z"
    )

    def visit(self, where, call, event):
        super().visit(where, call, event)
        before = call.sequence, call.app, call.given
        call.sequence, call.app = event["Sequence"] - 1, None
        call.given = self.source(call, event)
        for b, what in bent(event):
            if self.FREE.match(what):
                continue
            try:
                call.check(b)
            except Wrong:
                continue
            self.wrong += 1
            print(f"{where}: not noticed: {what}")
        call.sequence, call.app, call.given = before

    def source(self, call, event):
        """The one action that the event tells of: that another has the same in common must not hide what is bent."""
        for one in call.given:
            call.given, all_given = [one], call.given
            try:
                call.check(event)
                return [one]
            except Wrong:
                continue
            finally:
                call.given = all_given
        return call.given


def main(args):
    reader = Reader()
    if args[:1] == ["--lines"] and len(args) == 1:
        lines(sys.stdin, reader.visit)
    elif args[:1] == ["--prove"] and len(args) > 1:
        reader = Prover()
        for path in args[1:]:
            dialogue(path, reader.visit)
    elif args and not args[0].startswith("-"):
        for path in args:
            dialogue(path, reader.visit)
    else:
        print(__doc__, file=sys.stderr)
        return 2
    print(f"{reader.seen} events, {reader.wrong} wrong")
    return 1 if reader.wrong or not reader.seen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
