package store

import (
	"fmt"
	"runtime"
	"sync"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// packer compresses records, one block at a time, and undoes it for several
// readers at once. What that takes is made when it is needed first.
type packer struct {
	encoder func() (*zstd.Encoder, error)
	decoder func() (*zstd.Decoder, error)
}

func newPacker() *packer {
	return &packer{
		encoder: sync.OnceValues(func() (*zstd.Encoder, error) {
			return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
				zstd.WithWindowSize(blockSize), zstd.WithSingleSegment(true), zstd.WithEncoderCRC(false))
		}),
		decoder: sync.OnceValues(func() (*zstd.Decoder, error) {
			return zstd.NewReader(nil, zstd.WithDecoderConcurrency(runtime.GOMAXPROCS(0)), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(maxRaw))
		}),
	}
}

// pack compresses records into buf, if there is room.
func (p *packer) pack(records, buf []byte) ([]byte, error) {
	e, err := p.encoder()
	if err != nil {
		return nil, fmt.Errorf("make encoder: %w", err)
	}
	return e.EncodeAll(records, buf[:0]), nil
}

// unpack returns the records of a sealed block, in buf if there is room. The
// length that the data claims is not believed before the block says the same.
func (p *packer) unpack(b *Block, buf []byte) ([]byte, error) {
	if b.old {
		if n, err := s2.DecodedLen(b.data); err != nil || n != b.raw {
			return nil, errCorrupt
		}
		return s2.Decode(buf[:cap(buf)], b.data)
	}
	var h zstd.Header
	if err := h.Decode(b.data); err != nil || !h.HasFCS || h.FrameContentSize != uint64(b.raw) {
		return nil, errCorrupt
	}
	d, err := p.decoder()
	if err != nil {
		return nil, fmt.Errorf("make decoder: %w", err)
	}
	out, err := d.DecodeAll(b.data, buf[:0])
	if err == nil && len(out) != b.raw {
		err = errCorrupt
	}
	return out, err
}
