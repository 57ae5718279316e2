package routing

import (
	"fmt"
	"math"
	"slices"
)

// certain is ln of the chance, one in a million, below which something is taken
// not to be chance.
var certain = -ln(1e6)

// cut is what comes of cutting every line into tokens of k experts.
type cut struct {
	k      int
	tokens int
	faults int     // tokens with an expert twice
	most   float64 // the largest sum of weights of a token
}

// inferTopK finds K in a tab-separated trace, which does not state it.
//
// K divides the number of experts of every line, and the experts of a token are
// distinct. Both hold for each divisor of K as well, so K is the largest number
// for which they hold, if that is no accident: pieces of a number that is too
// large join several tokens, and sooner or later two of them share an expert.
// How soon is known for uniform choices, and any skew brings it sooner. So a k
// is taken as proven over a smaller one if pieces of k with so few repeats would
// come up less than once in a million had tokens the smaller size.
//
// K is the largest k that is proven over all smaller ones. It is an error if a
// larger one has no repeat either (the trace is too short to tell), or if the
// weights of a token sum to more than 1, which softmax and normalised weights do
// not (tokens may be cut too long, where choices were dealt out in turn). A
// repeat in tokens of a proven K is an error in the file, which the caller finds.
func inferTopK(name string, lines []tabLine, ids []int32, weights []float32) (int, error) {
	whole := 0
	for _, line := range lines {
		whole = gcd(whole, int(line.count))
	}
	experts := int(slices.Max(ids)) + 1
	best := cut{k: 1}
	var cuts []cut
	for k := 1; k <= min(whole, experts, MaxTopK); k++ {
		if whole%k != 0 {
			continue
		}
		c := cutInto(k, ids, weights)
		proven := true
		for _, smaller := range cuts {
			proven = proven && c.provenOver(smaller.k, experts)
		}
		if proven {
			best = c
		}
		cuts = append(cuts, c)
	}
	unclear := func(problem string, arguments ...any) (int, error) {
		return 0, &FileError{File: name, Problem: fmt.Sprintf(problem, arguments...), Want: fmt.Sprintf("K stated, as in trace:%s?topk=%d", name, best.k)}
	}
	for _, c := range cuts {
		if c.k > best.k && c.faults == 0 {
			return unclear("the trace is too short to tell top-%d from top-%d", best.k, c.k)
		}
	}
	if best.most > 1.01 {
		return unclear("experts look like top-%d, but weights of a token would sum to %.3g, above 1", best.k, best.most)
	}
	return best.k, nil
}

// cutInto cuts the choices of all lines, each of which holds a multiple of k.
func cutInto(k int, ids []int32, weights []float32) cut {
	c := cut{k: k, tokens: len(ids) / k}
	var token distinct
	for i := 0; i < len(ids); i += k {
		token.next()
		repeats, sum := false, 0.0
		for j := i; j < i+k; j++ {
			repeats = token.repeats(ids[j]) || repeats
			sum += float64(weights[j])
		}
		if repeats {
			c.faults++
		}
		c.most = max(c.most, sum)
	}
	return c
}

// provenOver says whether so few faults are no chance if tokens have d experts
// and not k. The chance of at most f faults in n pieces, each faulty with chance
// q > f/n, is below exp(-n*D) where D is the relative entropy of f/n and q
// (Chernoff's bound).
func (c cut) provenOver(d, experts int) bool {
	// q: a piece of k is tokens of d, the last one cut short, and each is chosen
	// without regard to those before.
	clean := 1.0
	for i := range c.k {
		before := i / d * d
		clean *= max(0, float64(experts-i)) / float64(experts-(i-before))
	}
	q, f := 1-clean, float64(c.faults)/float64(c.tokens)
	if f >= q {
		return false
	}
	entropy := math.Inf(1)
	if clean > 0 {
		entropy = float64((1 - f) * ln((1-f)/clean))
		if f > 0 {
			entropy += float64(f * ln(f/q))
		}
	}
	return -float64(float64(c.tokens)*entropy) < certain
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
