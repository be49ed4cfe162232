"""Runs a Python handler file, as AWS Lambda's own runtime does: asks the Runtime API for one event after the other and
answers each with what the handler returned or raised."""

import decimal
import http.client
import importlib
import json
import logging
import os
import sys
import time
import traceback

BASE = "/2018-06-01/runtime/"


class LambdaContext:
    """What a handler gets beside the event."""

    def __init__(self, headers):
        self._deadline = int(headers.get("Lambda-Runtime-Deadline-Ms") or 0)
        self.aws_request_id = headers.get("Lambda-Runtime-Aws-Request-Id")
        self.invoked_function_arn = headers.get("Lambda-Runtime-Invoked-Function-Arn")
        self.function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self.client_context = None
        self.identity = None

    def get_remaining_time_in_millis(self):
        return max(0, self._deadline - int(time.time() * 1000))

    def log(self, message):
        sys.stdout.write(str(message))


class RequestIdFilter(logging.Filter):
    """Gives log records the id of the event that is being worked on, as AWS Lambda's root handler does."""

    request_id = "-"

    def filter(self, record):
        record.aws_request_id = self.request_id
        return True


class InitError(Exception):
    """A handler that can't be loaded: errorType, errorMessage and the frames to show."""

    def __init__(self, kind, message, frames=()):
        super().__init__(message)
        self.kind, self.frames = kind, list(frames)


class RuntimeAPI:
    """One kept connection to the server that gives the events."""

    def __init__(self, address):
        self.connection = http.client.HTTPConnection(address)

    def request(self, method, route, body=None, headers=None):
        self.connection.request(method, BASE + route, body, headers or {})
        response = self.connection.getresponse()
        return response.status, response.headers, response.read()

    def fail(self, route, error):
        print(json.dumps(error), file=sys.stderr)
        body = json.dumps(error).encode("utf-8")
        self.request("POST", route, body, {"Content-Type": "application/json"})


def encode(value):
    """Numbers of DynamoDB's kind are floats, as in AWS Lambda."""
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError("Object of type %s is not JSON serializable" % type(value).__name__)


def describe(exc, request_id=None):
    frames = [f for f in traceback.extract_tb(exc.__traceback__) if f.filename != "<stdin>"]  # this program's own
    error = {"errorMessage": str(exc), "errorType": type(exc).__name__, "stackTrace": traceback.format_list(frames)}
    if request_id:
        error["requestId"] = request_id
    return error


def load(spec):
    module_name, dot, name = spec.rpartition(".")
    if not dot:
        raise InitError("Runtime.MalformedHandlerName", "Bad handler '%s': not enough values to unpack" % spec)
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as exc:
        raise InitError("Runtime.ImportModuleError", "Unable to import module '%s': %s" % (module_name, exc), describe(exc)["stackTrace"])
    except SyntaxError as exc:
        raise InitError("Runtime.UserCodeSyntaxError", "Syntax error in module '%s': %s" % (module_name, exc), describe(exc)["stackTrace"])
    except Exception as exc:
        raise InitError(type(exc).__name__, str(exc), describe(exc)["stackTrace"])
    handler = getattr(module, name, None)
    if handler is None:
        raise InitError("Runtime.HandlerNotFound", "Handler '%s' missing on module '%s'" % (name, module_name))
    return handler


def log_as_lambda_does():
    formatter = logging.Formatter("[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    handler.addFilter(RequestIdFilter())
    logging.getLogger().addHandler(handler)


def answer(api, handler):
    status, headers, body = api.request("GET", "invocation/next")
    if status != 200:
        raise ConnectionError("the Runtime API refused to give an event: %d %s" % (status, body[:200]))
    context = LambdaContext(headers)
    RequestIdFilter.request_id = context.aws_request_id
    os.environ["_X_AMZN_TRACE_ID"] = headers.get("Lambda-Runtime-Trace-Id") or ""
    route = "invocation/%s/" % context.aws_request_id
    try:
        value = handler(json.loads(body.decode("utf-8")), context)
        try:
            result = json.dumps(value, ensure_ascii=False, default=encode).encode("utf-8")
        except Exception as exc:
            error = describe(exc, context.aws_request_id)
            error.update(errorType="Runtime.MarshalError", errorMessage="Unable to marshal response: %s" % exc)
            api.fail(route + "error", error)
            return
    except Exception as exc:
        error = describe(exc, context.aws_request_id)
        sys.stdout.flush()
        api.fail(route + "error", error)
        return
    sys.stdout.flush()
    sys.stderr.flush()
    api.request("POST", route + "response", result, {"Content-Type": "application/json"})


def main():
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    sys.path[0] = os.environ["LAMBDA_TASK_ROOT"]
    log_as_lambda_does()
    api = RuntimeAPI(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        handler = load(os.environ["_HANDLER"])
    except InitError as exc:
        api.fail("init/error", {"errorMessage": str(exc), "errorType": exc.kind, "stackTrace": exc.frames})
        sys.exit(1)
    try:
        while True:
            answer(api, handler)
    except (OSError, http.client.HTTPException) as exc:
        sys.exit("the server of events is gone: %s" % exc)  # there is nobody left to work for


if __name__ == "__main__":
    main()
