import unittest

import app

CALLER = {"CallId": "a", "ParticipantTag": "LEG-A", "From": "+12065550100", "To": "+12065550101", "Status": "Connected",
          "SipHeaders": {"User-to-User": "00c0ffee;encoding=hex"}}


def answer(kind, done=None, attributes=None):
    event = {"InvocationEventType": kind, "CallDetails": {"Participants": [CALLER], "TransactionAttributes": attributes or {}}}
    return app.handler(event | ({"ActionData": done} if done else {}), None)


def pressed(digits, attributes=None):
    return answer("ACTION_SUCCESSFUL", {"Type": "SpeakAndGetDigits", "ReceivedDigits": digits}, attributes)


def types(given):
    return [action["Type"] for action in given["Actions"]]


class Menu(unittest.TestCase):
    def test_gives_a_menu(self):
        self.assertEqual(types(answer("NEW_INBOUND_CALL")), ["Speak", "SpeakAndGetDigits"])

    def test_tells_the_hours_until_it_is_enough(self):
        again = pressed("1", {"round": "1"})
        self.assertEqual(types(again), ["Speak", "SpeakAndGetDigits"])
        self.assertEqual(types(pressed("1", again["TransactionAttributes"])), ["Speak", "Hangup"])

    def test_bridges_with_the_key_and_the_context(self):
        headers = pressed("2")["Actions"][1]["Parameters"]["SipHeaders"]
        self.assertEqual(headers, {"X-Menu-Key": "2", "User-to-User": "00c0ffee;encoding=hex"})

    def test_says_goodbye_to_who_presses_nothing(self):
        self.assertEqual(types(answer("ACTION_FAILED", {"Type": "SpeakAndGetDigits", "ErrorType": "InvalidDigitsReceived"})), ["Speak", "Hangup"])


if __name__ == "__main__":
    unittest.main()
