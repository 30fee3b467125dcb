package otlp

import "github.com/sidelight-dev/sidelight/internal/otlpwire"

// encodeLogs makes documents of a request in protobuf.
func encodeLogs(in *otlpwire.Logs, d *logDoc, body []byte) error {
	d.reset(1)
	return in.Decode(body, func() error { d.Prepare(in.Resource.Attrs); return nil }, func() error {
		d.append(&in.Scope, &in.Record, 0)
		return nil
	})
}

// LogDocuments returns the documents of a request in protobuf.
func LogDocuments(body []byte) ([][]byte, error) {
	var in otlpwire.Logs
	var d logDoc
	if err := encodeLogs(&in, &d, body); err != nil {
		return nil, err
	}
	groups := make([]group, 1)
	d.share(groups)
	var docs [][]byte
	for _, e := range groups[0].events {
		docs = append(docs, e.Body)
	}
	return docs, nil
}

// LogEncoder returns what makes the documents of body again and again, in the
// same memory.
func LogEncoder(body []byte) func() {
	var in otlpwire.Logs
	var d logDoc
	return func() {
		if err := encodeLogs(&in, &d, body); err != nil {
			panic(err)
		}
	}
}
