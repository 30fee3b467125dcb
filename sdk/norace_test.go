//go:build !race

package sdk_test

const poolMisses = 0
