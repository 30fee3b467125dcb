"""Validates a task definition with botocore's own model of RegisterTaskDefinition,
which knows types and what is required, and checks values against the model's
enumerations. The argument is the file. Prints what is wrong. What is younger than
the model is left to check_ecs.js, whose client is."""

import json
import sys

import botocore.loaders
import botocore.model
import botocore.validate


def enumerated(shape, value, path):
    """Yields the values that are not among those that the model lists."""
    if shape.type_name == "structure":
        for name, part in value.items():
            yield from enumerated(shape.members[name], part, path + "." + name)
    elif shape.type_name == "list":
        for i, part in enumerate(value):
            yield from enumerated(shape.member, part, "%s[%d]" % (path, i))
    elif shape.type_name == "string" and shape.enum and value not in shape.enum:
        yield "%s: %r is none of %s" % (path, value, ", ".join(shape.enum))


def known(shape, value):
    """Returns the value without the members that the model does not have."""
    if shape.type_name == "structure":
        return {name: known(shape.members[name], part) for name, part in value.items() if name in shape.members}
    if shape.type_name == "list":
        return [known(shape.member, part) for part in value]
    return value


with open(sys.argv[1], encoding="utf-8") as f:
    task = json.load(f)
model = botocore.model.ServiceModel(botocore.loaders.Loader().load_service_model("ecs", "service-2"), "ecs")
shape = model.operation_model("RegisterTaskDefinition").input_shape
task = known(shape, task)
report = botocore.validate.ParamValidator().validate(task, shape)
problems = [report.generate_report()] if report.has_errors() else list(enumerated(shape, task, "task"))
print("\n".join(problems), end="")
sys.exit(1 if problems else 0)
