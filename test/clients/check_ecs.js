// Validates requests with the schemas that AWS's own client for ECS sends them by:
// names, types and what is required. The arguments are pairs of an operation and a
// file. Prints what is wrong.
'use strict';
const fs = require('node:fs');
const ecs = require('@aws-sdk/client-ecs');
const {NormalizedSchema} = require('@smithy/core/schema');

function kind(v) {
  if (Array.isArray(v)) return 'list';
  return v !== null && typeof v === 'object' ? 'object' : typeof v;
}

function* problems(ns, v, path) {
  if (ns.isStructSchema()) {
    if (kind(v) !== 'object') return yield `${path}: a ${kind(v)}, want an object`;
    const [names, required] = [ns.getSchema()[4], ns.getSchema()[6] ?? 0];
    for (const name of names.slice(0, required)) {
      if (!(name in v)) yield `${path}.${name}: required`;
    }
    for (const [name, part] of Object.entries(v)) {
      if (!names.includes(name)) yield `${path}.${name}: unknown; known are ${names.join(', ')}`;
      else yield* problems(ns.getMemberSchema(name), part, `${path}.${name}`);
    }
  } else if (ns.isListSchema()) {
    if (!Array.isArray(v)) return yield `${path}: a ${kind(v)}, want a list`;
    for (const [i, part] of v.entries()) yield* problems(ns.getValueSchema(), part, `${path}[${i}]`);
  } else if (ns.isMapSchema()) {
    if (kind(v) !== 'object') return yield `${path}: a ${kind(v)}, want a map`;
    for (const [name, part] of Object.entries(v)) yield* problems(ns.getValueSchema(), part, `${path}.${name}`);
  } else {
    const want = ns.isStringSchema() ? 'string' : ns.isNumericSchema() ? 'number' : ns.isBooleanSchema() ? 'boolean' : '';
    if (want && typeof v !== want) yield `${path}: a ${kind(v)}, want a ${want}`;
  }
}

let failed = false;
for (let i = 2; i + 1 < process.argv.length; i += 2) {
  const [operation, file] = [process.argv[i], process.argv[i + 1]];
  const schema = ecs[`${operation}Request$`];
  if (!schema) throw new Error(`the client has no ${operation}`);
  const found = [...problems(NormalizedSchema.of(schema), JSON.parse(fs.readFileSync(file, 'utf8')), operation)];
  for (const p of found) console.log(`${file}: ${p}`);
  failed ||= found.length > 0;
}
process.exitCode = failed ? 1 : 0;
