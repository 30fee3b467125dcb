//go:build !amd64

package wire

const hasBlocks = false

type blockSpreadings struct{}

var spreadings blockSpreadings

func escapeBlocks(_, _ []byte, _ *blockSpreadings) (read, written int) { return 0, 0 }
