// Package filterpattern matches log messages against the filter patterns of
// CloudWatch Logs: metric filters, subscription filters, FilterLogEvents, Live
// Tail and TestMetricFilter share this one small language. The rules are those
// of the CloudWatch Logs user guide, "Filter pattern syntax"; everything is
// case-sensitive. The first character chooses the family:
//
//   - Terms: ERROR "two words" -DEBUG. All must occur, none marked with - may.
//     With nothing but ?terms one of them must occur; next to any other term
//     they are ignored, as the service ignores them. A term is found anywhere
//     in the message, also inside a word. %regex% stands alone. A blank
//     pattern matches everything.
//   - JSON: { $.level = "error" && ($.ms > 100 || $.tags[*] = slow*) }.
//   - Fields: [ip, user, ..., status = 4* && status != 404]. A message is split
//     at spaces; text in double quotes or square brackets is one field.
//
// [Compile] turns a pattern into closures over the message's bytes: a JSON
// message is scanned for the members a pattern names and never decoded.
//
// # Where the documentation is silent
//
// These choices are ours. A condition on a JSON member that is absent, null, an
// object or an array is false, whatever its operator; only IS NULL and NOT
// EXISTS look at absence. A selector with a wildcard holds if any of the values
// it selects does. A number without quotes equals a JSON number of the same
// value and a JSON string of the same spelling; text in quotes equals strings
// only. A message is a JSON message if, white space aside, it begins and ends
// with braces or brackets.
package filterpattern
