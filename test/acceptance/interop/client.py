"""A customer's client in Python, unmodified: boto3, or the AWS CLI. It takes requests as lines of JSON and answers each with one.

A request: {"operation": "GetSipRule", "input": {...}, "pages": false}. An answer: {"status", "request", "output"}, or {"status",
"request", "error", "typed", "code", "message"}, where typed says that the client knows the exception as one of the operation's.
"""

import contextlib
import io
import json
import os
import re
import sys
import tempfile

import botocore.exceptions
import botocore.session
from botocore import xform_name

SERVICE = sys.argv[2] if len(sys.argv) > 2 else "chime-sdk-voice"
model = botocore.session.get_session().get_service_model(SERVICE)


def declared(operation):
    return {shape.name for shape in model.operation_model(operation).error_shapes}


def boto3_client():
    import boto3

    client = boto3.client(SERVICE)

    def run(operation, given, pages):
        name = xform_name(operation)
        try:
            if pages:
                return paged(client, name, given)
            output = getattr(client, name)(**given)
        except client.exceptions.ClientError as e:
            told, meta = e.response["Error"], e.response["ResponseMetadata"]
            # A modelled exception is a class of its own; what the client does not know is a ClientError.
            return {"status": meta["HTTPStatusCode"], "request": meta.get("RequestId"), "error": told["Code"],
                    "typed": type(e).__name__ in declared(operation), "message": told["Message"]}
        meta = output.pop("ResponseMetadata")
        return {"status": meta["HTTPStatusCode"], "request": meta.get("RequestId"), "output": output}

    return run


def paged(client, name, given):
    """Every page: by the client's own paginator where it has one."""
    if client.can_paginate(name):
        size = given.pop("MaxResults")
        pages = [dict(p) for p in client.get_paginator(name).paginate(**given, PaginationConfig={"PageSize": size})]
    else:
        pages = []
        while True:
            pages.append(getattr(client, name)(**given))
            if not pages[-1].get("NextToken"):
                break
            given["NextToken"] = pages[-1]["NextToken"]
    meta = [p.pop("ResponseMetadata") for p in pages][0]
    return {"status": meta["HTTPStatusCode"], "request": meta.get("RequestId"), "output": {"Pages": pages}}


def cli():
    """What `aws` runs, without starting Python for each command."""
    from awscli.clidriver import create_clidriver

    driver = create_clidriver()
    botocore_paginates = botocore.session.get_session().create_client(SERVICE).can_paginate

    def command(operation, given, more=()):
        # The input stands in a file: some inputs are longer than a command line.
        with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
            json.dump(given, f)
            f.flush()
            args = [SERVICE, xform_name(operation, "-"), "--output", "json", "--cli-input-json", "file://" + f.name, *more]
            out, err = io.StringIO(), io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                try:
                    code = driver.main(args)
                except SystemExit as e:
                    code = e.code
        if code == 0:
            return {"output": json.loads(out.getvalue() or "{}")}
        told = re.search(r"An error occurred \((\w+)\) when calling the (\w+) operation(?: \([^)]*\))?: (.*)", err.getvalue(), re.S)
        if told is None or told[2] != operation:
            return {"error": "client", "message": err.getvalue()}
        return {"error": told[1], "typed": told[1] in declared(operation), "message": told[3].strip()}

    def run(operation, given, pages):
        if not pages:
            return command(operation, given)
        if botocore_paginates(xform_name(operation)):  # it puts all pages together
            size = given.pop("MaxResults")
            answer = command(operation, given, ["--page-size", str(size)])
            return {"output": {"Pages": [answer["output"]], "Joined": True}} if "output" in answer else answer
        list_of = []
        while True:
            answer = command(operation, given)
            if "output" not in answer:
                return answer
            list_of.append(answer["output"])
            if not answer["output"].get("NextToken"):
                return {"output": {"Pages": list_of}}
            given["NextToken"] = answer["output"]["NextToken"]

    return run


def main():
    answers = os.fdopen(os.dup(1), "w")
    run = {"boto3": boto3_client, "cli": cli}[sys.argv[1]]()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = run(request["operation"], request.get("input") or {}, request.get("pages", False))
        except Exception as e:  # the client itself refuses; whoever asked says whether that is right
            answer = {"error": "client", "message": f"{type(e).__name__}: {e}"}
        answers.write(json.dumps(answer, default=lambda v: v.isoformat()) + "\n")
        answers.flush()


main()
