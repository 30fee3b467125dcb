//go:build race

package sdk_test

// poolMisses is how many allocations more the race detector causes: it makes
// sync.Pool forget at random.
const poolMisses = 5
