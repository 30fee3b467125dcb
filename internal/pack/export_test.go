package pack

import "context"

// RestOnce is one round of Run while no block is open.
func (p *Packer) RestOnce(ctx context.Context) (woken bool, err error) { return p.round(ctx, true) }
