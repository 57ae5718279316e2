package routing

import (
	"fmt"
	"io"
	"math"
	"strconv"
)

// readJSONLines reads a trace of one JSON object a line, {"experts": [...],
// "weights": [...]} for each token, from its first line on. That one may be
// {"num_experts": N} instead. Columns are bytes.
func (t *trace) readJSONLines(in *input, line []byte) error {
	t.topK = t.override
	first := true
	for {
		if err := t.readJSONLine(in, line, first); err != nil {
			return err
		}
		first = false
		var err error
		if line, err = in.next(); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
	}
	if len(t.ids) == 0 {
		return &FileError{File: in.name, Problem: "no tokens", Want: `a line {"experts":[...]} for each token`}
	}
	return nil
}

func (t *trace) readJSONLine(in *input, line []byte, first bool) error {
	start := jsonGap(line, 0)
	if start == len(line) || line[start] != '{' {
		return in.fault(start+1, `{"experts":[...]}`, "not a JSON object")
	}
	if at, problem, ok := jsonFault(line); !ok {
		return in.fault(at+1, "a JSON object", "%s", problem)
	}
	have := len(t.ids)
	expertsAt, weightsAt, weights := -1, -1, 0
	err := jsonMembers(line[start:], func(key, value []byte, at int) error {
		at += start
		switch string(key) {
		case `"num_experts"`:
			return t.readExpertCount(in, value, at, first)
		case `"experts"`:
			if expertsAt >= 0 {
				return in.fault(at+1, `one "experts"`, `"experts" twice in a token`)
			}
			expertsAt = at
			return t.readIDs(in, value, at)
		case `"weights"`:
			if weightsAt >= 0 {
				return in.fault(at+1, `one "weights"`, `"weights" twice in a token`)
			}
			weightsAt = at
			var err error
			weights, err = t.readWeights(in, value, at)
			return err
		}
		return nil
	})
	k := len(t.ids) - have
	switch {
	case err != nil:
		return err
	case expertsAt < 0 && weightsAt < 0 && first && t.stated:
		return nil
	case expertsAt < 0:
		return in.fault(start+1, `{"experts":[...]}`, `no "experts"`)
	case first && t.stated:
		return in.fault(expertsAt+1, `"num_experts" on a line of its own`, "the first line is a token and states the number of experts")
	case k == 0 || k > MaxTopK:
		return in.fault(expertsAt+1, fmt.Sprintf("1 to %d", MaxTopK), "%d experts of a token", k)
	case t.topK == 0:
		t.topK = k // the first token tells it
	case k != t.topK:
		return in.fault(expertsAt+1, fmt.Sprintf("%d, as in every token", t.topK), "%d experts of a token", k)
	}
	if weightsAt < 0 {
		for range k {
			t.weights = append(t.weights, float32(1/float64(k)))
		}
	} else if weights != k {
		return in.fault(weightsAt+1, "as many", "%d weights for %d experts", weights, k)
	}
	for i, e := range t.ids[have:] {
		if e == Masked {
			t.weights[have+i] = 0
		}
	}
	return nil
}

// readExpertCount reads the number of experts that the first line may state.
func (t *trace) readExpertCount(in *input, value []byte, at int, first bool) error {
	n, err := strconv.Atoi(string(value))
	switch {
	case !first:
		return in.fault(at+1, "it in the first line", `"num_experts" after the first line`)
	case err != nil || n < 1 || n > MaxExperts:
		return in.fault(at+1, fmt.Sprintf("1 to %d", MaxExperts), "num_experts %s", quote(value))
	}
	t.experts, t.stated = n, true
	return nil
}

// readIDs appends a token's experts.
func (t *trace) readIDs(in *input, array []byte, at int) error {
	if array[0] != '[' {
		return in.fault(at+1, "an array of expert ids", `"experts" is %s`, quote(array))
	}
	t.token.next()
	return jsonElements(array, func(i int, value []byte, offset int) error {
		column := at + offset + 1
		e, ok := parseID(value)
		if !ok || t.stated && int(e) >= t.experts {
			return in.fault(column, t.wantID(), "expert %s", quote(value))
		}
		if i == MaxTopK {
			return in.fault(column, fmt.Sprintf("at most %d", MaxTopK), "more experts of a token")
		}
		if t.token.repeats(e) {
			return in.fault(column, "distinct experts", "expert %d is in the token already", e)
		}
		t.ids = append(t.ids, e)
		return nil
	})
}

// readWeights appends a token's weights.
func (t *trace) readWeights(in *input, array []byte, at int) (n int, err error) {
	if array[0] != '[' {
		return 0, in.fault(at+1, "an array of numbers", `"weights" is %s`, quote(array))
	}
	err = jsonElements(array, func(i int, value []byte, offset int) error {
		w, ok := parseWeight(value)
		if !ok {
			return in.fault(at+offset+1, "a finite number", "weight %s", quote(value))
		}
		t.weights = append(t.weights, w)
		n++
		return nil
	})
	return n, err
}

// wantID says which expert ids are taken.
func (t *trace) wantID() string {
	highest := MaxExperts - 1
	if t.stated {
		highest = t.experts - 1
	}
	return fmt.Sprintf("0 to %d, or %d for a masked choice", highest, Masked)
}

// parseID reads an expert id, or Masked.
func parseID(text []byte) (int32, bool) {
	e, err := strconv.ParseInt(string(text), 10, 32)
	return int32(e), err == nil && e >= Masked && e < MaxExperts
}

// parseWeight reads a weight. One too small for a float32 is 0; one too large is
// not finite, and an error.
func parseWeight(text []byte) (float32, bool) {
	w, err := strconv.ParseFloat(string(text), 32)
	return float32(w), err == nil && !math.IsNaN(w) && !math.IsInf(w, 0)
}
