"""Makes the calls that the test asks for with AWS's command line, by its own entry
point, which reads its modules once. A request is a line {"service", "op", "in"}; a
line {"value"} or {"error": {"code", "message"}} answers it. Without an op, the
answer is the command line's own model of the service. The argument is the
sandbox's URL."""

import contextlib
import io
import json
import re
import sys

import awscli
from awscli.clidriver import create_clidriver

try:
    from awscli.botocore import xform_name
except ImportError:
    from botocore import xform_name

driver = create_clidriver()
NAMES = {"monitoring": "cloudwatch", "tagging": "resourcegroupstaggingapi"}
FAILED = re.compile(r"An error occurred \(([\w.]+)\) when calling the \w+ operation(?: \(reached max retries: \d+\))?: (.*)", re.DOTALL)


def run(*args):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = driver.main(["--endpoint-url", sys.argv[1], "--output", "json", *args])
    return code, out.getvalue(), err.getvalue()


def answer(request):
    name = NAMES.get(request["service"], request["service"])
    if not request["op"]:
        model = driver.session.get_component("data_loader").load_service_model(name, "service-2")
        return {"value": model, "version": awscli.__version__}
    code, out, err = run(name, xform_name(request["op"], "-"), "--cli-input-json", json.dumps(request["in"]))
    if code == 0:
        return {"value": json.loads(out or "{}")}
    failed = FAILED.search(err)
    if code != 254 or not failed:
        sys.exit("%s: exit code %d\n%s" % (request["op"], code, err))
    return {"error": {"code": failed[1], "message": failed[2].strip()}}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
