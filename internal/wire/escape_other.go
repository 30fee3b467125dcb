//go:build !amd64

package wire

const hasBlocks = false

func escapeBlocks(_, _ []byte) (read, written int) { return 0, 0 }
