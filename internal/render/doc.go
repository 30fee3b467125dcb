// Package render draws for terminals: tables, bars, sparklines, numbers for
// people, service maps and trace waterfalls. Its functions are pure: values go
// in, text comes out, and nothing reads the environment or writes anywhere.
//
// Text from outside (service names, URLs, messages) passes through [Clean], so
// that no document can send control sequences to a terminal. Meaning is never
// in colour alone: faults are marked ✗, errors !, whatever the [Style].
package render
