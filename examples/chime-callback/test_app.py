import unittest

import app

CALLER = {"CallId": "a", "ParticipantTag": "LEG-A", "From": "+12065550142", "To": "+12065550100", "Direction": "Inbound",
          "Status": "Disconnected", "SipHeaders": {"User-to-User": "00;encoding=hex"}}


class Client:
    def __init__(self):
        self.asked = []

    def create_sip_media_application_call(self, **given):
        self.asked.append(given)
        return {"SipMediaApplicationCall": {"TransactionId": "u"}}


def ask(kind, leg, client=None, **more):
    details = {"TransactionId": "t", "SipMediaApplicationId": "app", "Participants": [leg]} | more
    return app.handler({"InvocationEventType": kind, "CallDetails": details}, None, client)


class Callback(unittest.TestCase):
    def test_calls_back_who_called(self):
        client = Client()
        ask("HANGUP", CALLER, client)
        self.assertEqual(client.asked, [{
            "FromPhoneNumber": "+12065550100", "ToPhoneNumber": "+12065550142", "SipMediaApplicationId": "app",
            "SipHeaders": {"X-Callback-Of": "t"}, "ArgumentsMap": {"of": "t", "uui": "00;encoding=hex"}}])
        ask("HANGUP", CALLER | {"Direction": "Outbound"}, client)
        self.assertEqual(len(client.asked), 1)  # no call back of a call back

    def test_shows_the_agent_the_context(self):
        leg = CALLER | {"From": "+12065550100", "To": "+12065550142", "Direction": "Outbound", "Status": "Connected"}
        answer = ask("CALL_ANSWERED", leg, TransactionAttributes={"of": "t", "uui": "00;encoding=hex"})
        self.assertEqual(answer["Actions"][0]["Parameters"]["SipHeaders"], {"X-Callback-Of": "t", "User-to-User": "00;encoding=hex"})


if __name__ == "__main__":
    unittest.main()
