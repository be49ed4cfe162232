import unittest

import app

CALLER = {"CallId": "a", "ParticipantTag": "LEG-A", "From": "+12065550100", "To": "+12065550101"}
CALLEE = {"CallId": "b", "ParticipantTag": "LEG-B", "From": "+12065550100", "To": "+14155550100"}


def answer(kind, *legs, **more):
    return app.handler({"InvocationEventType": kind, "CallDetails": {"Participants": list(legs)}, **more}, None)["Actions"]


class Bridge(unittest.TestCase):
    def test_passes_the_context_on(self):
        headers = {"user-to-user": "00c0ffee;encoding=hex", "X-Account-Id": "4711", "X-Private": "x", "Diversion": ""}
        bridge = answer("NEW_INBOUND_CALL", CALLER | {"SipHeaders": headers})[0]["Parameters"]
        self.assertEqual(bridge["CallerIdNumber"], "+12065550100")
        self.assertEqual(bridge["SipHeaders"], {
            "User-to-User": "00c0ffee;encoding=hex", "X-Account-Id": "4711", "X-Handled-By": "chime-bridge"})

    def test_hangs_up_the_other_leg(self):
        left = answer("HANGUP", CALLER | {"Status": "Connected"}, CALLEE | {"Status": "Disconnected"})
        self.assertEqual(left[0]["Parameters"]["CallId"], "a")
        self.assertEqual(answer("HANGUP", CALLER | {"Status": "Disconnected"}), [])

    def test_refuses_the_caller_when_the_bridge_fails(self):
        failed = answer("ACTION_FAILED", CALLER, ActionData={"ErrorMessage": "Call not answered"})
        self.assertEqual(failed[0]["Parameters"], {"CallId": "a", "SipResponseCode": 480})


if __name__ == "__main__":
    unittest.main()
