package wire

// escapeBlocks copies src to dst, 16 bytes at a time, with a backslash before
// each quote and backslash. It stops before 16 bytes that hold a control
// character or one that is not ASCII, before the last incomplete 16, and when
// less than 32 bytes of dst are left, all of which it may overwrite. It needs
// what hasBlocks stands for.
//
//go:noescape
func escapeBlocks(dst, src []byte, by *blockSpreadings) (read, written int)

func cpuid1() (ecx uint32)

// hasBlocks says that the processor has SSSE3 and POPCNT, as all have since 2009.
var hasBlocks = cpuid1()&(1<<9|1<<23) == 1<<9|1<<23

// blockSpreadings says, for each set of eight bytes that get a backslash, from
// where each of 16 bytes comes: an index, or the high bit for a backslash.
type blockSpreadings [256][16]byte

var spreadings = makeSpreadings()

func makeSpreadings() (all blockSpreadings) {
	for set := range all {
		at := &all[set]
		n := 0
		for i := range 8 {
			if set>>i&1 == 1 {
				at[n] = 0x80
				n++
			}
			at[n] = byte(i)
			n++
		}
	}
	return all
}
