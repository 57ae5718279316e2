package plan_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/alltoall/routing"
)

// The notes of the tests below come to rank 4 of 2 x 3 ranks with two experts
// each. MaxTokens is large, so that sums of counts that each are in range are
// not.
const noteRank = 4

func noteConfig(t testing.TB) (plan.Config, []routing.Table) {
	s := shape{2, 3, 12, 3, 0}
	c := config(t, s, load{tokens: 1 << 25}, split{40, 4, 2, 4})
	return c, generate(t, s, load{routing: "uniform", tokens: 12})
}

// notePeer is the peer of noteRank in the round whose note is not to be trusted.
func notePeer(p plan.Plan, round int) int {
	if p, ok := p.(*plan.PXN); ok { // of the rail, whose notes say most
		return p.Place.RailPeer(noteRank, (p.Place.Node(noteRank)+1)%p.Place.Nodes)
	}
	return p.Peers(round)[0]
}

// honest are all the notes that come to noteRank, by round and peer.
func honest(t testing.TB, alg plan.Algorithm) [plan.NoteRounds]map[int][]byte {
	c, tables := noteConfig(t)
	plans := build(t, alg, c, tables)
	var notes [plan.NoteRounds]map[int][]byte
	for round := range notes {
		notes[round] = map[int][]byte{}
		for _, peer := range plans[noteRank].Peers(round) {
			// What a plan tells depends on nothing but what it took before.
			notes[round][peer] = plans[peer].AppendNote(round, noteRank, nil)
		}
	}
	return notes
}

// take gives a new plan of noteRank the honest notes, but for that of notePeer
// in the round, and seals it come what may. The error is the first one.
func take(t testing.TB, alg plan.Algorithm, honest [plan.NoteRounds]map[int][]byte, round int, note []byte) (plan.Plan, error) {
	c, tables := noteConfig(t)
	p, err := plan.New(alg, c, noteRank)
	if err != nil {
		t.Fatal(err)
	}
	p.Route(&tables[noteRank])
	var first error
	for r := range honest {
		for _, peer := range p.Peers(r) {
			b := honest[r][peer]
			if r == round && peer == notePeer(p, r) {
				b = note
			}
			if err := p.TakeNote(r, peer, b); first == nil {
				first = err
			}
		}
		if err := p.Seal(r); first == nil {
			first = err
		}
	}
	return p, first
}

// checkSound checks what exec relies on, whatever the peers have said.
func checkSound(t *testing.T, p plan.Plan) {
	t.Helper()
	c, _ := noteConfig(t)
	for _, n := range p.Received() {
		if n < 0 {
			t.Fatalf("received choices %v", p.Received())
		}
	}
	base := make([]int32, len(p.Received())+1)
	plan.ExpertRows(base, p.Received(), c.Alignment)
	if p.RecvRows() < 0 || !slices.IsSorted(base) {
		t.Fatalf("%d rows received, experts at %v", p.RecvRows(), base)
	}
	negative := func(n int32) bool { return n < 0 }
	switch p := p.(type) {
	case *plan.TwoHop:
		for _, f := range p.Fans {
			if slices.ContainsFunc(f.Slot, negative) || slices.ContainsFunc(f.Index, func(l int32) bool { return l < 0 || l >= 3 }) {
				t.Fatalf("fan %+v", f)
			}
		}
	case *plan.Direct:
		if slices.ContainsFunc(p.Slot, negative) || !slices.IsSorted(p.From) || !slices.IsSorted(p.FromChannel[:c.Channels+1]) {
			t.Fatalf("slots %v, from %v", p.Slot, p.From)
		}
	case *plan.PXN:
		if slices.ContainsFunc(p.Slot, negative) || slices.ContainsFunc(p.Via, negative) || slices.ContainsFunc(p.Back, negative) {
			t.Fatalf("slots %v, via %v, back %v", p.Slot, p.Via, p.Back)
		}
	case *plan.LowLatency:
		if slices.ContainsFunc(p.Slot, negative) || slices.ContainsFunc(p.Came, negative) {
			t.Fatalf("slots %v, messages %v", p.Slot, p.Came)
		}
	case *plan.AllToAll:
		for b := range p.Blocks() {
			ranks := p.Place.Ranks()
			if !slices.IsSorted(p.RecvOff[b*(ranks+1) : (b+1)*(ranks+1)]) {
				t.Fatalf("block %d: rows from %v", b, p.RecvOff[b*(ranks+1):(b+1)*(ranks+1)])
			}
		}
		if slices.ContainsFunc(p.Slot, negative) || slices.ContainsFunc(p.PeerOff, negative) || slices.ContainsFunc(p.HomeOff, negative) {
			t.Fatalf("slots %v, there %v, back %v", p.Slot, p.PeerOff, p.HomeOff)
		}
	}
	for _, charge := range []func(*plan.Ledger, plan.Row){p.Dispatch, p.Combine} {
		l := plan.NewLedger(c)
		charge(l, row)
		for _, k := range append(l.ScaleOut, l.ScaleUp...) {
			if k.Tokens < 0 || k.Bytes < 0 || k.Signals < 0 {
				t.Fatalf("ledger %+v", l)
			}
		}
	}
}

func ints(vs ...int32) (b []byte) {
	for _, v := range vs {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	return b
}

// with is the note with its i-th number replaced.
func with(note []byte, i int, v int32) []byte {
	note = slices.Clone(note)
	copy(note[4*i:], ints(v))
	return note
}

func TestHonestNotesAreTaken(t *testing.T) {
	for _, alg := range plan.Algorithms {
		notes := honest(t, alg)
		p, err := take(t, alg, notes, -1, nil)
		if err != nil {
			t.Fatalf("%s: %v", alg, err)
		}
		checkSound(t, p)
		for round := range notes {
			for peer, note := range notes[round] {
				if len(note) > p.MaxNote(round) {
					t.Errorf("%s: the note of round %d from rank %d has %d bytes, MaxNote says %d", alg, round, peer, len(note), p.MaxNote(round))
				}
			}
		}
	}
}

func TestBadNotes(t *testing.T) {
	const channels, gpus, perRank, nodes, blocks = 40, 3, 2, 2, 80
	type bad struct {
		name  string
		alg   plan.Algorithm
		round int
		note  func(honest []byte) []byte
		want  string
	}
	number := func(i int, v int32) func([]byte) []byte {
		return func(note []byte) []byte { return with(note, i, v) }
	}
	cut := func(note []byte) []byte { return note[:len(note)-1] }
	// Two counts that are in range but together are not.
	both := func(i, j int, v int32) func([]byte) []byte {
		return func(note []byte) []byte { return with(with(note, i, v), j, v) }
	}
	const most = 1 << 25
	var cases []bad
	for _, alg := range plan.Algorithms {
		for round := range plan.NoteRounds {
			cases = append(cases,
				bad{"empty", alg, round, func([]byte) []byte { return nil }, "expected"},
				bad{"cut", alg, round, cut, "bytes"})
		}
	}
	cases = append(cases,
		bad{"starts do not begin at 0", plan.AlgTwoHop, 0, number(0, 1), "do not rise"},
		bad{"starts fall", plan.AlgTwoHop, 0, number(1, math.MaxInt32), "do not rise"},
		bad{"negative start", plan.AlgTwoHop, 0, number(channels, -1), "do not rise"},
		bad{"more tokens than agreed", plan.AlgTwoHop, 0, number(channels, most+1), "do not rise"},
		bad{"more tokens than bitmap", plan.AlgTwoHop, 0, number(channels, most), "of bitmap"},
		bad{"negative count", plan.AlgTwoHop, 0, number(channels+1, -1), "outside"},
		bad{"count above tokens", plan.AlgTwoHop, 0, number(channels+1, 1000), "outside"},
		bad{"count that is not the bitmap's", plan.AlgTwoHop, 0, func(b []byte) []byte {
			b = slices.Clone(b)
			b[len(b)-1] ^= 1
			return b
		}, "its bitmap has"},
		bad{"negative expert count", plan.AlgTwoHop, 0, number(channels+1+gpus, -1), "outside"},
		bad{"negative count of the rail", plan.AlgTwoHop, 1, number(0, -1), "outside"},
		bad{"huge count of the rail", plan.AlgTwoHop, 1, number(0, most+1), "outside"},
		bad{"negative expert count of the rail", plan.AlgTwoHop, 1, number(nodes*gpus, -1), "outside"},
		bad{"huge expert count of the rail", plan.AlgTwoHop, 1, number(nodes*gpus+perRank, math.MaxInt32), "outside"},

		bad{"negative rows", plan.AlgDirect, 0, number(3, -1), "outside"},
		bad{"rows of the channels together", plan.AlgDirect, 0, both(3, 4, most), "outside"},
		bad{"negative choices", plan.AlgDirect, 0, number(channels, -1), "outside"},
		bad{"more choices than tokens", plan.AlgDirect, 0, number(channels+1, most+1), "outside"},
		bad{"negative slot", plan.AlgDirect, 1, number(0, -1), "first slot"},
		bad{"slot behind every buffer", plan.AlgDirect, 1, number(0, math.MaxInt32), "first slot"},

		bad{"negative rows", plan.AlgAllToAll, 0, number(0, -1), "outside"},
		bad{"too many rows", plan.AlgAllToAll, 0, number(0, most+1), "outside"},
		bad{"rows of the blocks together", plan.AlgAllToAll, 0, func(b []byte) []byte {
			for blk := range blocks {
				b = with(b, blk*(perRank+1), most)
			}
			return b
		}, "outside"},
		bad{"negative outputs of a neighbour", plan.AlgPXN, 0, number(channels+perRank+3, -1), "outside"},
		bad{"outputs of the channels together", plan.AlgPXN, 0, both(channels+perRank+3, channels+perRank+4, most), "outside"},
		bad{"rows of a neighbour that fall", plan.AlgPXN, 1, number(2, math.MaxInt32), "begin at"},
		bad{"negative rows of a neighbour", plan.AlgPXN, 1, number(1, -1), "begin at"},

		bad{"negative messages", plan.AlgLowLatency, 0, number(4, -1), "outside"},
		bad{"too many messages", plan.AlgLowLatency, 0, number(3, most+1), "outside"},
		bad{"messages of the channels together", plan.AlgLowLatency, 0, both(3, 4, most), "outside"},
		bad{"another sum", plan.AlgLowLatency, 0, number(0, 0), "counted from 1"},

		bad{"negative way home", plan.AlgAllToAll, 0, number(perRank, -1), "outside"},
		bad{"negative way there", plan.AlgAllToAll, 1, number(7, -5), "block 7 starts at row -5"},
		bad{"way there behind every buffer", plan.AlgAllToAll, 1, number(7, math.MaxInt32), "block 7 starts"},
	)
	for _, c := range cases {
		t.Run(fmt.Sprintf("%s/%d/%s", c.alg, c.round, c.name), func(t *testing.T) {
			notes := honest(t, c.alg)
			p, _ := plan.New(c.alg, func() plan.Config { c, _ := noteConfig(t); return c }(), noteRank)
			peer := notePeer(p, c.round)
			_, err := take(t, c.alg, notes, c.round, c.note(notes[c.round][peer]))
			bad := (*plan.NoteError)(nil)
			if !errors.As(err, &bad) {
				t.Fatalf("%v, want a *NoteError", err)
			}
			if bad.Round != c.round || bad.Rank != noteRank || bad.Peer != peer {
				t.Errorf("it blames round %d, from rank %d to rank %d", bad.Round, bad.Peer, bad.Rank)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%q does not say %q", err, c.want)
			}
		})
	}
}

// Bits of a bitmap that stand for no rank of the node lead nowhere.
func TestBitsBeyondTheNode(t *testing.T) {
	notes := honest(t, plan.AlgTwoHop)
	want, err := take(t, plan.AlgTwoHop, notes, -1, nil)
	if err != nil {
		t.Fatal(err)
	}
	note := slices.Clone(notes[0][notePeer(want, 0)])
	note[len(note)-1] |= 0b1111_1000 // in-node indices 3 to 7 of 3
	got, err := take(t, plan.AlgTwoHop, notes, 0, note)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "fans", got.(*plan.TwoHop).Fans, want.(*plan.TwoHop).Fans)
}

// FuzzNote gives a plan any bytes as a note of a peer. Whatever they are, the
// plan refuses them with a *NoteError or is sound, and it takes no more memory
// than a note of that length can stand for.
func FuzzNote(f *testing.F) {
	notes := make([][plan.NoteRounds]map[int][]byte, len(plan.Algorithms))
	for a, alg := range plan.Algorithms {
		notes[a] = honest(f, alg)
		c, _ := noteConfig(f)
		p, err := plan.New(alg, c, noteRank)
		if err != nil {
			f.Fatal(err)
		}
		for round := range notes[a] {
			note := notes[a][round][notePeer(p, round)]
			for _, b := range [][]byte{nil, note, note[:len(note)-1], note[:len(note)/2], append(slices.Clone(note), 0xff), ints(-1, math.MaxInt32, math.MinInt32)} {
				f.Add(byte(a), byte(round), b)
			}
			for _, v := range []int32{-1, 1, math.MaxInt32, math.MinInt32, 1 << 25} {
				b := slices.Clone(note)
				for i := range len(b) / 4 {
					b = with(b, i, v)
				}
				f.Add(byte(a), byte(round), b)
				for i := range min(12, len(note)/4) {
					f.Add(byte(a), byte(round), with(note, i, v))
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, a, round byte, note []byte) {
		alg := plan.Algorithms[int(a)%len(plan.Algorithms)]
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		p, err := take(t, alg, notes[int(a)%len(plan.Algorithms)], int(round)%plan.NoteRounds, note)
		runtime.ReadMemStats(&after)
		// A bit of a bitmap is at most one target: two numbers, in slices that double.
		if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20+200*uint64(len(note)) {
			t.Errorf("%d bytes were allocated for a note of %d", used, len(note))
		}
		if err == nil {
			checkSound(t, p)
		} else if bad := (*plan.NoteError)(nil); !errors.As(err, &bad) {
			t.Errorf("%v is no *NoteError", err)
		}
	})
}

// A note to itself can be lost like any other: then all of it is zero, which would be
// right for a rank that sends nothing to its own node.
func TestOwnNoteLost(t *testing.T) {
	c, tables := noteConfig(t)
	p, err := plan.New(plan.AlgTwoHop, c, noteRank)
	if err != nil {
		t.Fatal(err)
	}
	p.Route(&tables[noteRank])
	var refused *plan.NoteError
	if err := p.TakeNote(0, noteRank, make([]byte, p.MaxNote(0))); !errors.As(err, &refused) || refused.Peer != noteRank {
		t.Errorf("%v; expected an error about the note of rank %d", err, noteRank)
	}
}
