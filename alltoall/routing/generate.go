package routing

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// pattern is a way to choose experts.
type pattern interface {
	String() string
	// limit is the group limit that the pattern keeps to, or 0.
	limit(Spec) int
	// prepare makes what all ranks share, such as popularities. It returns the
	// maker of fillers: each worker has one filler, with its own scratch memory.
	prepare(Spec) (func() filler, error)
	// notes is what a user should know of the result, in sentences.
	notes(Spec) []string
}

// filler chooses the experts and weights of all tokens of one rank. What it
// chooses for a token depends on nothing but seed, rank and token.
type filler func(rank int, t Table)

// finisher is a pattern that changes the tables once all are made.
type finisher interface {
	finish(Spec, []Table) error
}

// Generate makes the routing of all ranks. It uses all processors; the result
// does not depend on how many there are.
func (src *Source) Generate(spec Spec) ([]Table, error) {
	if spec.TopK == 0 {
		spec.TopK = src.topK
	}
	if err := spec.check(src.pattern.limit(spec)); err != nil {
		return nil, err
	}
	newFiller, err := src.pattern.prepare(spec)
	if err != nil {
		return nil, err
	}
	tables := make([]Table, spec.Placement.Ranks())
	tokens := spec.tokens()
	eachRank(len(tables), func() func(int) {
		fill := newFiller()
		return func(rank int) {
			tables[rank] = newTable(tokens[rank], spec.TopK)
			fill(rank, tables[rank])
			spec.mask(rank, tables[rank])
		}
	})
	if last, ok := src.pattern.(finisher); ok {
		if err := last.finish(spec, tables); err != nil {
			return nil, err
		}
	}
	return tables, nil
}

// eachRank calls, for every rank once, a function of one of its workers. A
// worker's function is never called twice at the same time.
func eachRank(ranks int, newWorker func() func(rank int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), ranks) {
		all.Go(func() {
			work := newWorker()
			for rank := int(next.Add(1)) - 1; rank < ranks; rank = int(next.Add(1)) - 1 {
				work(rank)
			}
		})
	}
	all.Wait()
}
