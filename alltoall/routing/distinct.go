package routing

// distinct finds experts that come twice in a token, in constant time each.
type distinct struct {
	chosenBy []int32 // by expert: the last token that chose it, counted from 1
	token    int32
}

// next starts the next token.
func (d *distinct) next() { d.token++ }

// repeats says whether the token has the expert already, and notes it. The
// expert is below MaxExperts, which bounds the memory.
func (d *distinct) repeats(e int32) bool {
	if e == Masked {
		return false
	}
	if more := int(e) + 1 - len(d.chosenBy); more > 0 {
		d.chosenBy = append(d.chosenBy, make([]int32, more)...)
	}
	if d.chosenBy[e] == d.token {
		return true
	}
	d.chosenBy[e] = d.token
	return false
}
