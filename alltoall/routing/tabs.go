package routing

import (
	"bytes"
	"fmt"
	"io"
)

// tabLine is a line's number in the file and how many choices it holds. The
// bounds of a file keep both small.
type tabLine struct{ number, count int32 }

// readTabs reads a trace of one sequence a line, from its first line on: the
// expert ids of all tokens, tab-separated, an empty field, and as many weights.
// Columns are fields.
func (t *trace) readTabs(in *input, line []byte) error {
	var lines []tabLine
	for {
		have := len(t.ids)
		if err := t.readTabLine(in, line); err != nil {
			return err
		}
		lines = append(lines, tabLine{int32(in.line), int32(len(t.ids) - have)})
		var err error
		if line, err = in.next(); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
	}
	if t.topK = t.override; t.topK == 0 {
		var err error
		if t.topK, err = inferTopK(in.name, lines, t.ids, t.weights); err != nil {
			return err
		}
	}
	return t.checkTabs(in, lines)
}

func (t *trace) readTabLine(in *input, line []byte) error {
	have := len(t.ids)
	column := 0
	field, rest, more := line, line, true
	for more {
		field, rest, more = bytes.Cut(rest, []byte("\t"))
		column++
		if len(field) == 0 {
			break
		}
		e, ok := parseID(field)
		if !ok {
			return in.fault(column, t.wantID()+", or an empty field before the weights", "expert %s", quote(field))
		}
		t.ids = append(t.ids, e)
	}
	n := len(t.ids) - have
	switch {
	case n == 0:
		return in.fault(1, "an expert id", "no experts in the line")
	case len(field) > 0:
		return in.fault(column+1, "an empty field and then as many weights", "the line ends after %d experts", n)
	}
	for more {
		field, rest, more = bytes.Cut(rest, []byte("\t"))
		column++
		w, ok := parseWeight(field)
		if !ok {
			return in.fault(column, "a finite number", "weight %s", quote(field))
		}
		if len(t.weights) == len(t.ids) {
			return in.fault(column, "as many as experts", "more than %d weights", n)
		}
		if t.ids[len(t.weights)] == Masked {
			w = 0
		}
		t.weights = append(t.weights, w)
	}
	if got := len(t.weights) - have; got < n {
		return in.fault(column+1, fmt.Sprintf("%d, as many as experts", n), "the line ends after %d weights", got)
	}
	return nil
}

// checkTabs checks the lines now that K is known.
func (t *trace) checkTabs(in *input, lines []tabLine) error {
	rest := t.ids
	for _, line := range lines {
		in.line = int(line.number)
		ids := rest[:line.count]
		rest = rest[line.count:]
		if len(ids)%t.topK != 0 {
			return in.fault(0, fmt.Sprintf("a multiple of %d", t.topK), "%d experts in the line", len(ids))
		}
		for i, e := range ids {
			if i%t.topK == 0 {
				t.token.next()
			}
			if t.token.repeats(e) {
				return in.fault(i+1, fmt.Sprintf("distinct experts, with top-%d", t.topK), "expert %d is in the token already", e)
			}
		}
	}
	return nil
}
