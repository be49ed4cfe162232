import unittest

import app

CALLER = {"CallId": "a", "ParticipantTag": "LEG-A", "From": "+12065550100", "To": "+12065550101", "Status": "Connected"}
CALLEE = {"CallId": "b", "ParticipantTag": "LEG-B", "From": "+12065550100", "To": "+14155550100", "Status": "Connected"}


def answer(kind, **done):
    return app.handler({"InvocationEventType": kind, "ActionData": done, "CallDetails": {"Participants": [CALLER, CALLEE]}}, None)["Actions"]


class Recorder(unittest.TestCase):
    def test_listens_for_keys_once_they_talk(self):
        listen = answer("ACTION_SUCCESSFUL", Type="CallAndBridge")[0]
        self.assertEqual((listen["Type"], listen["Parameters"]["CallId"]), ("ReceiveDigits", "a"))
        self.assertEqual(answer("ACTION_SUCCESSFUL", Type="ReceiveDigits"), [])

    def test_does_what_the_keys_say(self):
        start = answer("DIGITS_RECEIVED", Type="ReceiveDigits", ReceivedDigits="*1")[0]
        self.assertEqual(start["Parameters"], {"CallId": "a", "Track": "BOTH", "Destination": {"Type": "S3", "Location": "recordings"}})
        for keys, kind in (("*3", "StopCallRecording"), ("*4", "PauseCallRecording"), ("*5", "ResumeCallRecording")):
            self.assertEqual(answer("DIGITS_RECEIVED", ReceivedDigits=keys), [{"Type": kind, "Parameters": {"CallId": "a"}}])

    def test_lets_a_call_go_on_without_its_recording(self):
        self.assertEqual(answer("ACTION_FAILED", Type="StartCallRecording", ErrorType="SystemException"), [])


if __name__ == "__main__":
    unittest.main()
