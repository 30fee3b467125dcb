package firelens

// Edit returns what the filters for tag make of record.
func (p *Plan) Edit(tag string, record []byte) ([]byte, bool) {
	var x editor
	return x.apply(p.edits(tag), record)
}
