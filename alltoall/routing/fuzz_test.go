package routing

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// usable makes a little routing of an opened source and checks it. A spec that
// the source cannot fill is an error and no failure.
func usable(t *testing.T, src *Source) {
	experts := src.Experts()
	if experts == 0 {
		experts = 8
	}
	if experts > 1<<12 {
		return // large tables would slow the search down
	}
	topK := src.TopK()
	if topK == 0 {
		topK = min(2, experts)
	}
	spec := Spec{Placement: placed(t, 1, 1, experts), Tokens: 3, TopK: topK, Seed: 1, Masked: 0.1}
	tables, err := src.Generate(spec)
	if err != nil {
		return
	}
	for _, table := range tables {
		if err := table.Validate(experts); err != nil {
			t.Errorf("%s: %v", src, err)
		}
	}
	Measure(spec.Placement, tables)
	src.Notes(spec)
}

// fuzzFile reads the bytes as a file, within bounds that they can reach.
func fuzzFile(t *testing.T, content []byte, read func(*input) (*Source, error)) {
	in, err := newInput("f", bytes.NewReader(content), bounds{file: 1 << 12, line: 1 << 10, document: 1 << 12})
	var src *Source
	if err == nil {
		src, err = read(in)
	}
	if err == nil {
		usable(t, src)
		return
	}
	fault := (*FileError)(nil)
	if !errors.As(err, &fault) || fault.File != "f" || fault.Problem == "" || fault.Line < 0 || fault.Column < 0 {
		t.Errorf("%#v: want a whole *FileError", err)
	}
}

func FuzzTrace(f *testing.F) {
	tokens := [][]int32{{1, 2}, {3, 0}, {5, -1}, {2, 7}, {6, 1}}
	for _, seed := range []string{
		"", "\n", tabs(tokens, 2), tabs(tokens, 5), gzipped(f, tabs(tokens, 1)), "1\t2\t\t0.5",
		`{"experts":[1,2],"weights":[0.5,0.5]}`, "{\"num_experts\":8}\n{\"experts\":[1,-1]}\n",
		`{"experts":[1,1]}`, `{"a":{"b":["\\\"",{}]},"experts":[0]}`, gzipped(f, `{"experts":[3]}`)[:20],
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		fuzzFile(t, content, func(in *input) (*Source, error) { return readTrace(in, 0) })
	})
}

func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		"", `{"logical_count":[[0,0],[1,2]]}`, gzipped(f, `{"logical_count":[[1,2,3]]}`),
		`{"x":[1,{"y":"]"}],"logical_count":[[1e3, 2.5]]}`, `{"logical_count":[[1],[1,2]]}`, `[1]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		fuzzFile(t, content, func(in *input) (*Source, error) { return readLoad(in, -1) })
	})
}

func FuzzPattern(f *testing.F) {
	for _, a := range accepted {
		f.Add(a.example)
	}
	for _, seed := range []string{"", ":", "zipf:1e-9", "hot:65536", "lognormal:10", "zipf:0x1p1", "hot:1_0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.HasPrefix(text, "load:") || strings.HasPrefix(text, "trace:") {
			// Only the text is tried here: not every file is for reading.
			cutLayer(text)
			cutTopK(text)
			return
		}
		src, err := Open(text)
		if err != nil {
			if !strings.Contains(err.Error(), "accepted are") {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		usable(t, src)
		if again, err := Open(src.String()); err != nil || again.String() != src.String() {
			t.Errorf("%q is %s, which opens as %v, %v", text, src, again, err)
		}
	})
}
