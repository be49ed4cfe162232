import decimal
import logging
import os
import sys
import threading

logger = logging.getLogger(__name__)
logging.getLogger().setLevel(logging.INFO)


class CustomError(Exception):
    pass


def handler(event, context):
    do = event.get("do")
    if do == "print":
        print("line " + event["text"])
        logger.info("logged %s", event["text"])
    if do == "fail":
        raise CustomError(event["text"])
    if do == "exit":
        print(event["text"], file=sys.stderr)
        sys.exit(3)
    if do == "unmarshalable":
        return threading.Lock()
    if do == "decimal":
        return {"whole": decimal.Decimal("3"), "part": decimal.Decimal("1.5")}
    if do == "big":
        return "x" * event["n"]
    if do == "tuple":
        return ()
    return {
        "event": event, "pid": os.getpid(), "requestId": context.aws_request_id, "arn": context.invoked_function_arn,
        "function": context.function_name, "remaining": context.get_remaining_time_in_millis(), "env": os.environ.get("OWN", ""),
        "group": context.log_group_name, "stream": context.log_stream_name,
    }
