// Package awsproto turns HTTP requests in the wire protocols of AWS into calls
// of the operations of an [api.Service], and their outcomes into answers.
//
// It speaks Smithy RPC v2 CBOR, AWS JSON 1.0 and 1.1, AWS query (form in, XML
// out) and REST JSON 1, and finds out from path, headers, form and credential
// scope which one a request is in. Inputs and outputs are the structures of
// aws-sdk-go-v2: a [Spec] says how the names of their fields are written on the
// wire, and plans made by reflection once a type do the rest. Members that a
// type does not have are ignored, as AWS does; members of the wrong type are a
// SerializationException that names the member.
//
// The package owns no state but caches and pooled buffers. Faults, clock and
// the record of calls belong to package sandbox, which hooks in by
// [Options.Intercept] and [Options.Observe].
package awsproto
