// Package xraydoc translates OTLP spans into X-Ray segment documents, as the
// OpenTelemetry collector's awsxrayexporter does, so that what works with one
// works with the other. It differs where that loses something:
//
//   - names are sanitised whatever they come from, and a backslash stays;
//   - span events are kept, in metadata under "otel";
//   - attributes that should be annotations but cannot be, by their type or
//     length, are kept in metadata; attributes of the HTTP conventions are too
//     if the span is not about HTTP;
//   - clients' URLs and names use server.address; the stable database names are
//     read;
//   - a stack is kept as text, in the event's metadata, if it says more than
//     its frames do, such as what was suppressed, or cannot be parsed; the
//     causes of .NET's exceptions are read too;
//   - exception ids are derived from the span's, so that a span that is sent
//     twice makes the same document twice;
//   - a document that would be longer than X-Ray takes is cut down and marked so
//     in metadata under "sidelight".
//
// A [Translator] is immutable. A [Resource] is prepared once for all spans of
// one sender; a [Docs] is reused scratch memory that documents are appended to.
package xraydoc
