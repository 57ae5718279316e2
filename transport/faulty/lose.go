package faulty

import "math/rand/v2"

// lose finds out which calls are hit, loses some of them and cuts the channel.
type lose struct {
	d      *Driver
	at     Verb // of the channel
	next   stage
	chance *rand.Rand
	cut    bool
}

func (l *lose) do(v call) error {
	if l.cut {
		return ErrCut
	}
	if !l.hits(&v) {
		return l.next.do(v)
	}
	v.hit = true
	spec, n := &l.d.spec, l.d.verbs.Add(1)
	switch {
	case spec.Cut > 0 && n > spec.Cut:
		l.cut = true
		l.d.cut.Add(1)
		return ErrCut
	case n == spec.DropAt, spec.Drop > 0 && l.chance.Float64() < spec.Drop:
		l.d.dropped.Add(1)
		return nil
	}
	return l.next.do(v)
}

func (l *lose) hits(v *call) bool {
	if v.kind == fence || v.kind == flush {
		return false
	}
	if l.d.spec.Match == nil {
		return true
	}
	at := l.at
	at.Kind, at.Word = v.kind, v.word
	return l.d.spec.Match(at)
}
