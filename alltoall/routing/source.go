package routing

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Source is an opened pattern: what makes routing. It is not changed by use and
// safe for concurrent use.
type Source struct {
	pattern               pattern
	experts, topK, tokens int // what the file rules, or 0
}

// String is the pattern's canonical text. Open makes an equal source of it.
func (src *Source) String() string { return src.pattern.String() }

// Experts is the number of experts where a file rules it, and else 0.
func (src *Source) Experts() int { return src.experts }

// TopK is the number of choices of a token where a file rules it, and else 0.
func (src *Source) TopK() int { return src.topK }

// Tokens is the number of recorded tokens of a trace, and else 0.
func (src *Source) Tokens() int { return src.tokens }

// Notes is what a user should know of the routing that Generate makes of the
// spec and would not expect from the flags alone, in sentences.
func (src *Source) Notes(spec Spec) []string { return src.pattern.notes(spec) }

// accepted is what Open takes, for error messages.
var accepted = []struct{ form, example string }{
	{"uniform", "uniform"},
	{"grouped", "grouped"},
	{"zipf:S", "zipf:1.2"},
	{"lognormal:SIGMA", "lognormal:0.8"},
	{"hot:R", "hot:1.5"},
	{"balanced", "balanced"},
	{"load:FILE or load:FILE:LAYER", "load:experts.json.gz:3"},
	{"trace:FILE or trace:FILE?topk=K", "trace:choices.jsonl"},
}

// Patterns lists what Open accepts, each with an example, on one line.
func Patterns() string {
	var list []string
	for _, a := range accepted {
		if a.form == a.example {
			list = append(list, a.form)
		} else {
			list = append(list, fmt.Sprintf("%s (as in %s)", a.form, a.example))
		}
	}
	return strings.Join(list, ", ")
}

// Open reads a pattern. Where it names a file, the whole file is read and
// checked, and an error about it is a *FileError.
func Open(text string) (*Source, error) {
	name, argument, hasArgument := strings.Cut(text, ":")
	// wrong reports a pattern that is known but not well formed.
	wrong := func(want string) error {
		return fmt.Errorf("routing %q: want %s; accepted are %s", text, want, Patterns())
	}
	number := func(symbol string, low, high float64) (float64, error) {
		x, err := strconv.ParseFloat(argument, 64)
		if err != nil || !(x >= low && x <= high) { // also catches NaN
			return 0, wrong(fmt.Sprintf("%s:%s, %s a number from %g to %g", name, symbol, symbol, low, high))
		}
		return math.Abs(x), nil // no -0
	}
	canonical := func(x float64) string { return name + ":" + strconv.FormatFloat(x, 'g', -1, 64) }

	switch name {
	case "uniform", "grouped", "balanced":
		if hasArgument {
			return nil, wrong(name + " without an argument")
		}
		if name == "balanced" {
			return &Source{pattern: balanced{}}, nil
		}
		return &Source{pattern: gate{text: name, grouped: name == "grouped"}}, nil
	case "zipf":
		s, err := number("S", 0, maxZipf)
		if err != nil {
			return nil, err
		}
		return &Source{pattern: gate{canonical(s), true, zipf(s)}}, nil
	case "lognormal":
		sigma, err := number("SIGMA", 0, maxLognormal)
		if err != nil {
			return nil, err
		}
		return &Source{pattern: gate{canonical(sigma), true, lognormal(sigma)}}, nil
	case "hot":
		ratio, err := number("R", 1, maxHot)
		if err != nil {
			return nil, err
		}
		return &Source{pattern: hot{gate{text: canonical(ratio), grouped: true}, ratio}}, nil
	case "load":
		if argument == "" {
			return nil, wrong("load:FILE or load:FILE:LAYER")
		}
		file, layer := cutLayer(argument)
		return openFile(file, func(in *input) (*Source, error) { return readLoad(in, layer) })
	case "trace":
		if file, topK, ok := cutTopK(argument); ok && file != "" {
			return openFile(file, func(in *input) (*Source, error) { return readTrace(in, topK) })
		}
		return nil, wrong(fmt.Sprintf("trace:FILE or trace:FILE?topk=K, K a number from 1 to %d", MaxTopK))
	}
	return nil, fmt.Errorf("routing %q: no such pattern; accepted are %s", text, Patterns())
}

// cutTopK splits FILE?topk=K. K is 0 where it is not given.
func cutTopK(argument string) (file string, topK int, ok bool) {
	at := strings.LastIndex(argument, "?topk=")
	if at < 0 {
		return argument, 0, true
	}
	topK, err := strconv.Atoi(argument[at+len("?topk="):])
	return argument[:at], topK, err == nil && topK >= 1 && topK <= MaxTopK
}

// cutLayer splits FILE:LAYER. The last colon starts a layer only where nothing
// but digits follow, so a name may hold colons; a name that itself ends in a
// colon and digits needs its layer written out. The layer is -1 where it is not
// given.
func cutLayer(argument string) (file string, layer int) {
	at := strings.LastIndexByte(argument, ':')
	if at < 0 || at+1 == len(argument) || strings.Trim(argument[at+1:], "0123456789") != "" {
		return argument, -1
	}
	layer, err := strconv.Atoi(argument[at+1:])
	if err != nil {
		layer = math.MaxInt32 // too many digits for a number: no file has that layer
	}
	return argument[:at], layer
}
