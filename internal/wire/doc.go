// Package wire appends the bytes of the formats that AWS receives: JSON strings
// and CBOR items. Nothing in it allocates beyond growing its destination, and
// nothing uses reflection.
package wire
