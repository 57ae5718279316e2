package routing

import (
	"fmt"
	"io"
	"path/filepath"
)

// trace replays recorded choices. Token i of rank r is recorded token
// r*Spec.Tokens + i, counted from the beginning again where the trace ends.
type trace struct {
	file     string
	override int // K as the pattern gives it, or 0

	topK, tokens int
	experts      int  // the number stated, or the highest id + 1
	stated       bool // the file states the number of experts
	ids          []int32
	weights      []float32
	token        distinct // the token that is being read
}

// readTrace reads a trace. K is 0 where the file is to tell it.
func readTrace(in *input, topK int) (*Source, error) {
	t := &trace{file: in.name, override: topK}
	if err := t.read(in); err != nil {
		return nil, err
	}
	return &Source{pattern: t, experts: t.experts, topK: t.topK, tokens: t.tokens}, nil
}

// read parses the file. JSON Lines start with a brace, and nothing else does.
func (t *trace) read(in *input) error {
	line, err := in.next()
	if err == io.EOF {
		return in.empty()
	}
	if err != nil {
		return err
	}
	if line[0] == '{' {
		err = t.readJSONLines(in, line)
	} else {
		err = t.readTabs(in, line)
	}
	if err != nil {
		return err
	}
	t.tokens = len(t.ids) / t.topK
	if !t.stated {
		for _, e := range t.ids {
			t.experts = max(t.experts, int(e)+1)
		}
		if t.experts == 0 {
			return &FileError{File: in.name, Problem: "every choice is masked", Want: "at least one expert id"}
		}
	}
	return nil
}

func (t *trace) String() string {
	if t.override > 0 {
		return fmt.Sprintf("trace:%s?topk=%d", t.file, t.override)
	}
	return "trace:" + t.file
}

// limit: what was recorded stands, whatever gate had made it.
func (t *trace) limit(Spec) int { return 0 }

func (t *trace) prepare(spec Spec) (func() filler, error) {
	if spec.TopK != t.topK {
		return nil, fmt.Errorf("routing: %s records top-%d: top-%d cannot be made of it", t, t.topK, spec.TopK)
	}
	if spec.Placement.Experts < t.experts {
		return nil, fmt.Errorf("routing: %s records %d experts: %d are placed, want %d or more", t, t.experts, spec.Placement.Experts, t.experts)
	}
	return func() filler {
		return func(rank int, table Table) {
			for i := range table.Tokens {
				from := (rank*spec.Tokens + i) % t.tokens * t.topK
				ids, weights := table.Row(i)
				copy(ids, t.ids[from:])
				copy(weights, t.weights[from:])
			}
		}
	}, nil
}

func (t *trace) notes(spec Spec) []string {
	how := fmt.Sprintf("highest id %d", t.experts-1)
	if t.stated {
		how = "as the file states"
	}
	use := fmt.Sprintf("%d of %d recorded tokens used", spec.Tokens*spec.Placement.Ranks(), t.tokens)
	if turns := float64(spec.Tokens) * float64(spec.Placement.Ranks()) / float64(t.tokens); turns > 1 {
		use = fmt.Sprintf("%d recorded tokens replayed %.1f times", t.tokens, turns)
	}
	notes := []string{fmt.Sprintf("trace %s: %d experts (%s) and top-%d rule over the flags; %s",
		filepath.Base(t.file), t.experts, how, t.topK, use)}
	if spec.limit() > 0 {
		notes = append(notes, "trace: the group limit does not apply to recorded choices")
	}
	return notes
}
