package xray

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// atOnce is how many traces are worked on before their results are looked at.
const atOnce = 256

// parallel applies do to each of in, on all processors, and returns the results
// in the same order.
func parallel[T, R any](in []T, do func(T) R) []R {
	out := make([]R, len(in))
	var next atomic.Int64
	var work sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(in)) {
		work.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(in); i = int(next.Add(1)) - 1 {
				out[i] = do(in[i])
			}
		})
	}
	work.Wait()
	return out
}
