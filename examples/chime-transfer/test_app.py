import unittest

import app

CALLER = {"CallId": "a", "ParticipantTag": "LEG-A", "From": "+12065550100", "To": "+12065550101", "Status": "Connected",
          "SipHeaders": {"User-to-User": "00;encoding=hex"}}
AGENT = {"CallId": "b", "ParticipantTag": "LEG-B", "From": "+12065550100", "To": "+14155550100", "Status": "Connected"}
GONE = AGENT | {"Status": "Disconnected"}


def ask(kind, state, legs=(CALLER, AGENT), **done):
    details = {"Participants": list(legs), "TransactionAttributes": {"state": state}}
    return app.handler({"InvocationEventType": kind, "ActionData": done, "CallDetails": details}, None)


class Transfer(unittest.TestCase):
    def test_takes_the_caller_back_and_calls_the_expert(self):
        answer = ask("DIGITS_RECEIVED", "agent", ReceivedDigits="*7")
        hangup, bridge = answer["Actions"]
        self.assertEqual((hangup["Type"], hangup["Parameters"]["CallId"]), ("Hangup", "b"))
        self.assertEqual(bridge["Parameters"]["SipHeaders"], {"X-Transfer": "from +14155550100", "User-to-User": "00;encoding=hex"})
        self.assertEqual(answer["TransactionAttributes"]["state"], "transfer")

    def test_transfers_where_the_api_says(self):
        answer = ask("CALL_UPDATE_REQUESTED", "agent", Type="CallUpdateRequest", Parameters={"Arguments": {"transferTo": "+14155550199"}})
        self.assertEqual(answer["Actions"][1]["Parameters"]["Endpoints"][0]["Uri"], "+14155550199")

    def test_keeps_the_caller_while_the_agent_leaves(self):
        self.assertEqual(ask("HANGUP", "transfer", (CALLER, GONE), Type="Hangup")["Actions"], [])
        self.assertEqual(ask("HANGUP", "agent", (CALLER, GONE), Type="Hangup")["Actions"][0]["Parameters"]["CallId"], "a")

    def test_goes_back_to_the_agent_when_the_expert_is_busy(self):
        answer = ask("ACTION_FAILED", "transfer", (CALLER,), Type="CallAndBridge")
        self.assertEqual(answer["Actions"][0]["Parameters"]["SipHeaders"]["X-Transfer"], "failed")
        self.assertEqual(answer["TransactionAttributes"]["state"], "agent")


if __name__ == "__main__":
    unittest.main()
