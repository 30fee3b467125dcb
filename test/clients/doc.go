// Package clients tests the built binary with clients that others wrote: what
// they send arrives, and what is there they can read. The tests have the build
// tag clients; run.sh installs the clients and starts them.
package clients
