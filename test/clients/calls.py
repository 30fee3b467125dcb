"""Makes the calls that the test asks for with boto3. A request is a line
{"service", "op", "in"}; a line {"value"} or {"error": {"class", "code",
"message"}} answers it. Without an op, the answer is the client's own model of the
service. The argument is the sandbox's URL."""

import datetime
import functools
import json
import re
import sys

import boto3
import botocore.config
import botocore.exceptions
import botocore.loaders
from botocore import xform_name

NAMES = {"monitoring": "cloudwatch", "tagging": "resourcegroupstaggingapi"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
config = botocore.config.Config(inject_host_prefix=False, retries={"total_max_attempts": 1})


@functools.cache
def client(name):
    return boto3.client(name, endpoint_url=sys.argv[1], config=config)


def revive(value):
    if isinstance(value, dict):
        return {k: revive(v) for k, v in value.items()}
    if isinstance(value, list):
        return [revive(v) for v in value]
    if isinstance(value, str) and TIME.fullmatch(value):
        return datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
    return value


def text(value):
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).isoformat()
    raise TypeError(type(value))


def answer(request):
    name = NAMES.get(request["service"], request["service"])
    if not request["op"]:
        model = botocore.loaders.create_loader().load_service_model(name, "service-2")
        return {"value": model, "version": boto3.__version__}
    try:
        value = getattr(client(name), xform_name(request["op"]))(**revive(request["in"]))
    except botocore.exceptions.ClientError as e:
        error = e.response["Error"]
        return {"error": {"class": type(e).__name__, "code": error["Code"], "message": error["Message"]}}
    value.pop("ResponseMetadata")
    return {"value": value}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line)), default=text), flush=True)
