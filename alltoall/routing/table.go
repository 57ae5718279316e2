package routing

import (
	"fmt"
	"math"
)

// Masked stands in a Table for a choice that is not made: nothing is sent.
const Masked = -1

// Bounds that turn a mistyped flag or a damaged file into an error and not into
// an allocation. All are far above what is in use.
const (
	MaxExperts = 1 << 20 // experts of a layer
	MaxTopK    = 1 << 10 // choices of a token
	MaxChoices = 1 << 28 // choices of all ranks together, 2 GiB of tables
)

// Table is the routing of one rank: TopK choices for each of its tokens.
type Table struct {
	Tokens, TopK int
	Experts      []int32   // [Tokens][TopK], Masked where no choice is made
	Weights      []float32 // [Tokens][TopK], 0 where masked
}

// newTable allocates a table.
func newTable(tokens, topK int) Table {
	return Table{
		Tokens: tokens, TopK: topK,
		Experts: make([]int32, tokens*topK),
		Weights: make([]float32, tokens*topK),
	}
}

// Row is the choices of token i and their weights. It shares the table's memory.
func (t Table) Row(i int) ([]int32, []float32) {
	from, to := i*t.TopK, (i+1)*t.TopK
	return t.Experts[from:to:to], t.Weights[from:to:to]
}

// Validate says what is wrong with the table for the given number of experts:
// its lengths, an expert out of range or twice in a token, a weight that is not
// finite, or one of a masked choice that is not 0.
func (t Table) Validate(experts int) error {
	if experts < 1 || experts > MaxExperts {
		return fmt.Errorf("routing: %d experts: want 1 to %d", experts, MaxExperts)
	}
	if t.Tokens < 0 || t.TopK < 1 || t.TopK > MaxTopK || t.Tokens > MaxChoices/t.TopK {
		return fmt.Errorf("routing: table of %d tokens with top-%d: want at least 0 tokens, top-1 to top-%d, and at most %d choices",
			t.Tokens, t.TopK, MaxTopK, MaxChoices)
	}
	if want := t.Tokens * t.TopK; len(t.Experts) != want || len(t.Weights) != want {
		return fmt.Errorf("routing: table of %d tokens with top-%d holds %d experts and %d weights: want %d of each",
			t.Tokens, t.TopK, len(t.Experts), len(t.Weights), want)
	}
	var token distinct
	for i := range t.Tokens {
		token.next()
		ids, weights := t.Row(i)
		for k, e := range ids {
			w := float64(weights[k])
			switch {
			case e != Masked && (e < 0 || int(e) >= experts):
				return fmt.Errorf("routing: token %d, choice %d: expert %d: want 0 to %d, or %d for none", i, k, e, experts-1, Masked)
			case math.IsNaN(w) || math.IsInf(w, 0):
				return fmt.Errorf("routing: token %d, choice %d: weight %v: want a finite number", i, k, weights[k])
			case e == Masked && w != 0:
				return fmt.Errorf("routing: token %d, choice %d: weight %v of a masked choice: want 0", i, k, weights[k])
			case token.repeats(e):
				return fmt.Errorf("routing: token %d, choice %d: expert %d is chosen already: want distinct experts", i, k, e)
			}
		}
	}
	return nil
}
