//go:build !linux

package child

// follow does nothing where a child's stop cannot be asked for apart from its
// end.
func (*terminal) follow(int) (stop func()) { return func() {} }
