package iovec

// Max is how many blocks one call takes: the kernel's bound, on Linux and elsewhere.
const Max = 1024

// Take forgets the first n bytes, which a call has moved, and says whether that was
// all. Blocks that are done are passed over, so a call's cost does not depend on them.
func (v *Vec) Take(n int) (all bool) {
	for v.at < len(v.blocks) && n >= v.size(v.at) {
		n -= v.size(v.at)
		v.at++
	}
	if v.at == len(v.blocks) {
		return true
	}
	if n > 0 {
		v.cut(n)
	}
	return false
}

// Len is the number of blocks that were added since Reset.
func (v *Vec) Len() int { return len(v.blocks) }
