package sdk_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain holds that nothing the package started outlives Shutdown. What
// net/http keeps for the default client's idle connections is not ours.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}
