// Validates CloudFormation templates in JSON, with intrinsic functions in their long
// form, by CloudFormation's own schemas of resources as AWS publishes them for the CDK:
// names, types, values, what is required, and what references name. Prints what is
// wrong.
'use strict';
const fs = require('node:fs');
const {loadAwsServiceSpecSync} = require('@aws-cdk/aws-service-spec');

const spec = loadAwsServiceSpecSync();
const lookup = (type) => [...spec.lookup('resource', 'cloudFormationType', 'equals', type)][0];
const isObject = (v) => v !== null && typeof v === 'object' && !Array.isArray(v);

// A value that CloudFormation works out is of any type.
const isIntrinsic = (v) => isObject(v) && Object.keys(v).length === 1 && /^(Ref|Fn::.*)$/.test(Object.keys(v)[0]);

function* members(properties, v, path) {
  if (!isObject(v)) return yield `${path}: want an object`;
  for (const [name, p] of Object.entries(properties)) {
    if (p.required && !(name in v)) yield `${path}.${name}: required`;
  }
  for (const [name, part] of Object.entries(v)) {
    if (!properties[name]) yield `${path}.${name}: unknown; known are ${Object.keys(properties).join(', ')}`;
    else yield* value(properties[name].type, part, `${path}.${name}`);
  }
}

function* value(type, v, path) {
  if (isIntrinsic(v)) return;
  switch (type.type) {
    case 'ref':
      return yield* members(spec.get('typeDefinition', type.reference.$ref).properties, v, path);
    case 'array':
      if (!Array.isArray(v)) return yield `${path}: want a list`;
      for (const [i, part] of v.entries()) yield* value(type.element, part, `${path}[${i}]`);
      return;
    case 'map':
      if (!isObject(v)) return yield `${path}: want a map`;
      for (const [name, part] of Object.entries(v)) yield* value(type.element, part, `${path}.${name}`);
      return;
    case 'tag':
      return yield* members({Key: {type: {type: 'string'}, required: true}, Value: {type: {type: 'string'}, required: true}}, v, path);
    case 'union': {
      const tries = type.types.map((t) => [...value(t, v, path)]);
      if (!tries.some((t) => t.length === 0)) yield* tries[0];
      return;
    }
    case 'string':
      // Numbers and booleans become strings.
      if (typeof v === 'object') return yield `${path}: want a string`;
      if (type.allowedValues && !type.allowedValues.includes(v)) yield `${path}: ${v} is none of ${type.allowedValues}`;
      return;
    case 'integer':
      if (!/^-?\d+$/.test(String(v))) yield `${path}: want an integer`;
      return;
    case 'number':
      if (typeof v === 'object' || Number.isNaN(Number(v))) yield `${path}: want a number`;
      return;
    case 'boolean':
      if (!/^(true|false)$/.test(String(v))) yield `${path}: want a boolean`;
      return;
  }
}

// What Ref and Fn::GetAtt name is there, and has that attribute.
function* references(template, v, path) {
  if (typeof v !== 'object' || v === null) return;
  const known = (name) => name.startsWith('AWS::') || template.Parameters?.[name] || template.Resources[name];
  for (const [name, part] of Object.entries(v)) {
    const names = name === 'Fn::Sub' && typeof part === 'string' ? [...part.matchAll(/\$\{([^!}]+)\}/g)].map((m) => m[1]) : [];
    if (name === 'Ref') names.push(part);
    for (const n of names) {
      if (!known(n.split('.')[0])) yield `${path}: ${n} is not there`;
    }
    if (name === 'Fn::GetAtt') {
      const [of, attribute] = [part[0], part.slice(1).join('.')];
      const type = template.Resources[of] && lookup(template.Resources[of].Type);
      if (!type) yield `${path}: ${of} is not there`;
      else if (!type.attributes[attribute]) yield `${path}: ${of} has no attribute ${attribute}, but ${Object.keys(type.attributes)}`;
    }
    yield* references(template, part, `${path}.${name}`);
  }
}

function* problems(template) {
  for (const [name, r] of Object.entries(template.Resources)) {
    const type = lookup(r.Type);
    if (!type) yield `${name}: there is no type ${r.Type}`;
    else yield* members(type.properties, r.Properties ?? {}, name);
  }
  yield* references(template, {Resources: template.Resources, Outputs: template.Outputs}, 'template');
}

for (const file of process.argv.slice(2)) {
  for (const p of problems(JSON.parse(fs.readFileSync(file, 'utf8')))) {
    console.log(`${file}: ${p}`);
    process.exitCode = 1;
  }
}
