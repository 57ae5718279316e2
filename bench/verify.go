package bench

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"

	"github.com/commbench/commbench/alltoall/exec"
	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/alltoall/ref"
	"github.com/commbench/commbench/bench/workload"
)

// maxDifferences is how many differences are described; all are counted.
const maxDifferences = 5

// verdict holds the tokens that differ from the reference. A token counts once,
// however many of its copies, iterations or results are wrong. It is safe for
// concurrent use.
type verdict struct {
	mu     sync.Mutex
	tokens map[[2]int]bool // source rank and token; rank -1: a row that no token should fill
	more   int64           // tokens of other processes that are not in the map
	rows   int64           // rows that differ: copies of tokens, results
	first  []string        // descriptions of the first few of them
}

func (v *verdict) add(rank, token int, description string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.tokens == nil {
		v.tokens = map[[2]int]bool{}
	}
	v.tokens[[2]int{rank, token}] = true
	v.rows++
	if len(v.first) < maxDifferences {
		v.first = append(v.first, description)
	}
}

// wrong is the number of tokens; nil is a verdict on nothing.
func (v *verdict) wrong() int64 {
	if v == nil {
		return 0
	}
	return int64(len(v.tokens)) + v.more
}

// descriptions are of the first few differences, and of how many there are.
func (v *verdict) descriptions() []string {
	if more := v.rows - int64(len(v.first)); more > 0 {
		return append(slices.Clone(v.first), fmt.Sprintf("and %d more rows differ", more))
	}
	return v.first
}

// with is the verdict on what both are about. Either may be nil.
func (v *verdict) with(o *verdict) *verdict {
	if v == nil || o == nil {
		if v == nil {
			return o
		}
		return v
	}
	all := &verdict{tokens: map[[2]int]bool{}, more: v.more + o.more, rows: v.rows + o.rows}
	maps.Copy(all.tokens, v.tokens)
	maps.Copy(all.tokens, o.tokens)
	all.first = append(append(all.first, v.first...), o.first...)
	all.first = all.first[:min(len(all.first), maxDifferences)]
	return all
}

// compare adds a row that is not what was expected.
func (v *verdict) compare(rank, token int, got, want []byte, row plan.Row, where func() string) {
	if bytes.Equal(got, want) {
		return
	}
	at := 0
	for got[at] == want[at] {
		at++
	}
	part := "payload"
	switch {
	case at >= row.Bytes():
		part = "metadata"
	case at >= row.Payload:
		part = "scales"
	}
	v.add(rank, token, fmt.Sprintf("%s: byte %d (%s) is %#02x, expected %#02x", where(), at, part, got[at], want[at]))
}

// rowsOf is what the reference says that every rank's receive buffer holds.
func (s *setting) rowsOf(alg plan.Algorithm) [][]ref.Copy {
	if s.expected[alg] == nil {
		if alg.ByExpert() {
			s.expected[alg] = ref.ByExpert(s.place, s.tables, s.c.Alignment)
		} else {
			s.expected[alg] = ref.Received(s.place, s.tables)
		}
	}
	return s.expected[alg]
}

// token writes the row that a dispatch should have brought for the copy: with
// all choices, or with the one that it is for.
func (s *setting) token(dst, scratch []byte, row plan.Row, c ref.Copy) {
	if c == ref.Padding {
		clear(dst)
		return
	}
	experts, weights := s.tables[c.Rank].Row(c.Token)
	if row.Choices == 0 { // a message: its head has the token's number
		s.payload.Token(scratch, c.Rank, c.Token, experts, weights)
		clear(dst[copy(dst, scratch[:row.Bytes()]):])
		binary.LittleEndian.PutUint32(dst[row.Bytes():], uint32(c.Token))
		return
	}
	if row.Choices == len(experts) {
		s.payload.Token(dst, c.Rank, c.Token, experts, weights)
		return
	}
	s.payload.Token(scratch, c.Rank, c.Token, experts, weights)
	copy(dst, scratch[:row.Bytes()])
	workload.PutChoices(dst[row.Bytes():], experts[c.Choice:c.Choice+1], weights[c.Choice:c.Choice+1])
}

// checkDispatch compares every received row.
func (s *setting) checkDispatch(of *side) *verdict {
	v, alg := &verdict{}, of.alg
	for i, p := range of.handle.Plans {
		if rank := s.group.Rank(i); p.RecvRows() != len(s.rowsOf(alg)[rank]) {
			v.add(-1, rank, fmt.Sprintf("rank %d received %d rows, expected %d", rank, p.RecvRows(), len(s.rowsOf(alg)[rank])))
		}
	}
	s.checkRows(v, "received", s.rowsOf(alg), func(i int) exec.Rows { return s.group.Recv(i, alg) }, false)
	if s.c.Expand && !alg.ByExpert() {
		s.checkRows(v, "expanded", ref.ByExpert(s.place, s.tables, s.c.Alignment),
			func(i int) exec.Rows { return s.group.Expanded(i, alg) }, true)
	}
	return v
}

// checkRows compares the rows of a buffer of each rank. Padding is compared
// where the layout says that it is zero.
func (s *setting) checkRows(v *verdict, what string, rows [][]ref.Copy, buffer func(i int) exec.Rows, padded bool) {
	full := plan.DispatchRow(s.c.DType, s.c.Hidden, s.c.TopK)
	s.parallel(s.group.Ranks(), func(i int) {
		rank, got := s.group.Rank(i), buffer(i)
		want, scratch := make([]byte, got.Row.Size()), make([]byte, full.Size())
		for k, c := range rows[rank][:min(len(rows[rank]), got.Len())] {
			if c == ref.Padding && !padded {
				continue
			}
			s.token(want, scratch, got.Row, c)
			v.compare(c.Rank, c.Token, got.At(k), want, got.Row, func() string {
				return fmt.Sprintf("rank %d, %s row %d (token %d of rank %d)", rank, what, k, c.Token, c.Rank)
			})
		}
	})
}

// outputs writes the expert outputs that a combine starts from, and their
// weights: made up, or in a round trip from what the dispatch brought.
func (s *setting) outputs(alg plan.Algorithm) {
	rows := s.rowsOf(alg)
	s.owners(func(i int) {
		rank, y := s.group.Rank(i), s.group.Y(i, alg)
		if !s.c.dispatches() {
			for k, c := range rows[rank] {
				if c != ref.Padding {
					s.madeOutput(y.At(k), rank, c)
				}
			}
			return
		}
		// Outputs take the place of the tokens they are made from, one row at a time
		// through a scratch row. Where they are wider, the last row comes first.
		x := s.group.Recv(i, alg)
		tmp := make([]byte, x.Row.Size())
		n := len(rows[rank])
		for k := range n {
			if y.Row.Stride() > x.Row.Stride() {
				k = n - 1 - k
			}
			if rows[rank][k] == ref.Padding {
				continue
			}
			copy(tmp, x.At(k))
			s.expertOutput(y.At(k), tmp, x.Row, rank, rows[rank][k])
		}
	})
}

// madeOutput writes a made-up output for a copy of a token.
func (s *setting) madeOutput(dst []byte, rank int, c ref.Copy) {
	experts, weights := s.tables[c.Rank].Row(c.Token)
	if c.Choice >= 0 {
		s.payload.OutputByExpert(dst, c.Rank, c.Token, int(experts[c.Choice]))
		if len(dst) > 2*s.c.Hidden {
			putFloat(dst[2*s.c.Hidden:], weights[c.Choice])
		}
		return
	}
	s.payload.Output(dst, c.Rank, c.Token, rank)
	s.putLocalWeights(dst[2*s.c.Hidden:], rank, experts, weights)
}

// putLocalWeights writes the weights of the choices that are on the rank, and
// zero for the others, so that their sums over ranks are the token's weights.
func (s *setting) putLocalWeights(dst []byte, rank int, experts []int32, weights []float32) {
	for j, e := range experts {
		w := float32(0)
		if e >= 0 && s.place.RankOf(int(e)) == rank {
			w = weights[j]
		}
		putFloat(dst[4*j:], w)
	}
}

// expertOutput writes what the rank's experts make of a received row.
func (s *setting) expertOutput(dst, x []byte, row plan.Row, rank int, c ref.Copy) {
	if row.Choices == 0 { // home multiplies by the weight
		experts, _ := s.tables[c.Rank].Row(c.Token)
		s.payload.Expert(dst, x, workload.Gain(experts[c.Choice], 1))
		return
	}
	experts, weights := make([]int32, row.Choices), make([]float32, row.Choices)
	gain := float32(0)
	for j := range experts {
		experts[j] = int32(binary.LittleEndian.Uint32(x[row.Bytes()+4*j:]))
		weights[j] = getFloat(x[row.WeightsAt()+4*j:])
		if e := experts[j]; e >= 0 && int(e) < s.place.Experts && s.place.RankOf(int(e)) == rank {
			gain += workload.Gain(e, weights[j])
		}
	}
	s.payload.Expert(dst, x, gain)
	s.putLocalWeights(dst[2*s.c.Hidden:], rank, experts, weights)
}

// checkCombine compares every combined row with the reference's sum of the
// outputs, which are made again for that.
func (s *setting) checkCombine(alg plan.Algorithm) *verdict {
	v := &verdict{}
	s.parallel(s.group.Ranks(), func(i int) {
		rank, out := s.group.Rank(i), s.group.Out(i)
		want, again := make([]byte, out.Row.Size()), newRemaker(s, alg)
		for token := range s.tables[rank].Tokens {
			o := again.combined(rank, token)
			for j, b := range o.Values {
				binary.LittleEndian.PutUint16(want[2*j:], b)
			}
			for j, w := range o.Weights {
				putFloat(want[out.Row.Payload+4*j:], w)
			}
			v.compare(rank, token, out.At(token), want, out.Row, func() string { return fmt.Sprintf("rank %d, combined token %d", rank, token) })
		}
	})
	return v
}

// remaker makes expert outputs again, as outputs made them, for the reference
// to add up. It is for one goroutine.
type remaker struct {
	*setting
	alg      plan.Algorithm
	x        plan.Row // of the dispatch that brought the tokens
	y        plan.Row
	received []byte
	output   []byte
	full     []byte // the token's row with all its choices
	values   []uint16
	weights  []float32
}

func newRemaker(s *setting, alg plan.Algorithm) *remaker {
	r := &remaker{setting: s, alg: alg, x: alg.DispatchRow(s.c.DType, s.c.Hidden, s.c.TopK), y: alg.CombineRow(s.c.Hidden, s.c.TopK)}
	r.output, r.received = make([]byte, r.y.Size()), make([]byte, r.x.Size())
	r.full = make([]byte, plan.DispatchRow(s.c.DType, s.c.Hidden, s.c.TopK).Size())
	r.values, r.weights = make([]uint16, s.c.Hidden), make([]float32, r.y.Choices)
	return r
}

// combined is the reference's result for one token.
func (r *remaker) combined(rank, token int) ref.Output {
	experts, weights := r.tables[rank].Row(token)
	outputs := func(to, choice int) ref.Output {
		if choice >= 0 {
			to = r.place.RankOf(int(experts[choice]))
		}
		return r.make(ref.Copy{Rank: rank, Token: token, Choice: choice}, to)
	}
	var bias [][]uint16
	for b := range r.c.Bias {
		row := make([]byte, 2*r.c.Hidden)
		r.payload.Bias(row, rank, token, b)
		bias = append(bias, make([]uint16, r.c.Hidden))
		toValues(bias[b], row)
	}
	switch r.alg {
	case plan.AlgTwoHop:
		return ref.CombineTwoHop(r.place, rank, experts, r.c.Hidden, outputs, bias)
	case plan.AlgLowLatency:
		return ref.CombineLowLatency(experts, weights, r.c.Hidden, outputs, bias)
	case plan.AlgDirect, plan.AlgPXN:
		return ref.CombineDirect(r.place, experts, r.c.Hidden, outputs, bias)
	}
	return ref.CombineAllToAll(experts, r.c.Hidden, outputs, bias)
}

// make is the output of the rank `to` for a copy, valid until the next call.
func (r *remaker) make(c ref.Copy, to int) ref.Output {
	if r.c.dispatches() {
		r.token(r.received, r.full, r.x, c)
		r.expertOutput(r.output, r.received, r.x, to, c)
	} else {
		r.madeOutput(r.output, to, c)
	}
	toValues(r.values, r.output)
	for j := range r.weights {
		r.weights[j] = getFloat(r.output[r.y.Payload+4*j:])
	}
	return ref.Output{Values: r.values, Weights: r.weights}
}

// toValues reads little-endian numbers, four from each load.
func toValues(dst []uint16, row []byte) {
	i := 0
	for ; i+4 <= len(dst); i += 4 {
		x, d := binary.LittleEndian.Uint64(row[2*i:]), dst[i:i+4:i+4]
		d[0], d[1], d[2], d[3] = uint16(x), uint16(x>>16), uint16(x>>32), uint16(x>>48)
	}
	for ; i < len(dst); i++ {
		dst[i] = binary.LittleEndian.Uint16(row[2*i:])
	}
}

// spoil overwrites what an iteration is about to write, on the way as at its end,
// so that nothing left over from an earlier one can pass for its own.
func (s *setting) spoil(alg plan.Algorithm, combine bool) {
	rows := s.rowsOf(alg)
	s.owners(func(i int) {
		rank := s.group.Rank(i)
		for _, rows := range s.group.Between(i, alg, combine) {
			spoilRows(rows, rows.Len())
		}
		if alg == plan.AlgLowLatency {
			s.spoilSlots(i, combine, rows[rank])
		}
		if combine {
			spoilRows(s.group.Out(i), s.tables[rank].Tokens)
			s.spoilMirror(i, alg, rows)
			return
		}
		spoilRows(s.group.Recv(i, alg), len(rows[rank]))
		if s.c.Expand && !alg.ByExpert() {
			expanded := s.group.Expanded(i, alg)
			spoilRows(expanded, expanded.Len())
		}
	})
}

// spoilSlots overwrites those of low-latency's slots that are used.
func (s *setting) spoilSlots(i int, combine bool, rows []ref.Copy) {
	rank := s.group.Rank(i)
	if combine {
		next := make([]int, s.place.Experts)
		for _, e := range s.tables[rank].Experts {
			if e >= 0 {
				spoilRow(s.group.Slot(i, true, int(e), rank, next[e]))
				next[e]++
			}
		}
		return
	}
	next := make([]int, s.place.PerRank()*s.place.Ranks())
	for _, c := range rows {
		if c == ref.Padding {
			continue
		}
		ids, _ := s.tables[c.Rank].Row(c.Token)
		e := int(ids[c.Choice])
		n := &next[(e-s.place.FirstExpert(rank))*s.place.Ranks()+c.Rank]
		spoilRow(s.group.Slot(i, false, e, c.Rank, *n))
		*n++
	}
}

// spoilMirror overwrites those of all ranks' received rows whose outputs are put to
// local rank i to be added up. The many between them are never touched.
func (s *setting) spoilMirror(i int, alg plan.Algorithm, rows [][]ref.Copy) {
	rank, mirror := s.group.Rank(i), s.group.Mirror(i, alg)
	for index := range s.place.GPUsPerNode {
		peer := s.place.Rank(s.place.Node(rank), index)
		if mirror.Len() == 0 || peer == rank {
			continue
		}
		first := index * s.group.Y(i, alg).Len()
		for k, c := range rows[peer] {
			if c.Rank == rank || alg == plan.AlgTwoHop && s.place.Index(c.Rank) == s.place.Index(rank) {
				spoilRow(mirror.At(first + k))
			}
		}
	}
}

// spoiled is a pattern that no row begins with.
var spoiled = bytes.Repeat([]byte{0xa5}, 4096)

func spoilRows(rows exec.Rows, n int) {
	for k := range n {
		spoilRow(rows.At(k))
	}
}

func spoilRow(row []byte) {
	for len(row) > 0 {
		row = row[copy(row, spoiled):]
	}
}

func putFloat(dst []byte, v float32) { binary.LittleEndian.PutUint32(dst, math.Float32bits(v)) }
func getFloat(src []byte) float32    { return math.Float32frombits(binary.LittleEndian.Uint32(src)) }
