// Package exporters holds nothing but this: how to write an exporter.
//
// An exporter is an Encoder and an Export method (see [sidelight.Exporter]).
// The Encoder says how a request body of the service begins, how one event is
// appended and how the body ends, and what the service's limits are; the packer
// does the rest. Export makes one attempt with a finished body and says what
// became of it: a Receipt, or a Fault whose Kind tells the delivery loop what
// to do. An Encoder whose End rearranges the body is a [sidelight.Picker], too. An
// exporter never retries, never sleeps and starts no goroutine.
//
// Every exporter passes [github.com/sidelight-dev/sidelight/exporters/exportertest.Run].
package exporters

import _ "github.com/sidelight-dev/sidelight" // for the doc links
