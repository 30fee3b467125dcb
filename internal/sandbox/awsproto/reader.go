package awsproto

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// valueKind is what a reader is about to read.
type valueKind uint8

const (
	valueNone valueKind = iota // the end of the input
	valueNull
	valueBool
	valueNumber
	valueString
	valueBytes
	valueTime
	valueList
	valueMap
)

func (k valueKind) String() string {
	return [...]string{"nothing", "null", "a boolean", "a number", "a string", "a byte string", "a timestamp", "a list", "a map"}[k]
}

// reader pulls one document apart. JSON and CBOR have one each, and the walker
// in decode.go works on either. After an error a reader must not be used.
//
// Lists: enterList, then moreList before each element until it says false.
// Maps: enterMap, then nextKey before each value until it says false; the key
// is valid until the next call.
type reader interface {
	peek() (valueKind, error)
	null() error
	boolean() (bool, error)
	integer() (int64, error)
	float() (float64, error)
	// text returns a copy.
	text() (string, error)
	// blob returns a copy.
	blob() ([]byte, error)
	time() (time.Time, error)
	enterList() error
	moreList() (bool, error)
	enterMap() error
	nextKey() ([]byte, bool, error)
	// skip reads one value of any kind and forgets it.
	skip() error
	// end says whether the input is used up.
	end() error
}

var (
	errDepth     = errors.New("document is nested too deeply")
	errTruncated = errors.New("unexpected end of the document")
	errTrailing  = errors.New("unexpected data after the document")
)

// wrongType says that a member is of another type than its model's.
func wrongType(got valueKind, want string) error {
	if got == valueNone {
		return errTruncated
	}
	return fmt.Errorf("%v can not be converted to %s", got, want)
}

// memberError is a failure at a member. The path grows on the way out, so that
// reading well-formed input pays nothing for it.
type memberError struct {
	path []string // innermost first
	err  error
}

func (e *memberError) Error() string {
	var b strings.Builder
	for i := len(e.path) - 1; i >= 0; i-- {
		if b.Len() > 0 && !strings.HasPrefix(e.path[i], "[") {
			b.WriteByte('.')
		}
		b.WriteString(e.path[i])
	}
	return b.String() + ": " + e.err.Error()
}

func (e *memberError) Unwrap() error { return e.err }

// at puts a step of the path before err.
func at(step string, err error) error {
	if m, ok := errors.AsType[*memberError](err); ok {
		m.path = append(m.path, step)
		return m
	}
	return &memberError{path: []string{step}, err: err}
}
