package ref_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/commbench/commbench/alltoall/ref"
	"github.com/commbench/commbench/alltoall/routing"
	"github.com/commbench/commbench/alltoall/topo"
)

func place(t testing.TB, nodes, gpus, experts int) topo.Placement {
	t.Helper()
	c, err := topo.New(nodes, gpus)
	if err != nil {
		t.Fatal(err)
	}
	p, err := topo.Place(c, experts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// table is the routing of tokens by their choices; -1 is masked.
func table(topK int, experts ...int32) routing.Table {
	return routing.Table{Tokens: len(experts) / topK, TopK: topK, Experts: experts, Weights: make([]float32, len(experts))}
}

// tiny is two nodes of two ranks with two experts each: rank 0 has experts 0 and
// 1, rank 1 has 2 and 3, rank 2 has 4 and 5, rank 3 has 6 and 7. The comments say
// which ranks the tokens go to.
func tiny() []routing.Table {
	return []routing.Table{
		table(3,
			0, 1, 7, // 0, 0, 3
			6, -1, 4, // 3, none, 2
			-1, -1, -1), // none
		table(3),
		table(3, 5, 0, 1), // 2, 0, 0
		table(3, 7, 6, 3), // 3, 3, 1
	}
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestReceived(t *testing.T) {
	same(t, "rows", ref.Received(place(t, 2, 2, 8), tiny()), [][]ref.Copy{
		{{Rank: 0, Token: 0, Choice: -1}, {Rank: 2, Token: 0, Choice: -1}},
		{{Rank: 3, Token: 0, Choice: -1}},
		{{Rank: 0, Token: 1, Choice: -1}, {Rank: 2, Token: 0, Choice: -1}},
		{{Rank: 0, Token: 0, Choice: -1}, {Rank: 0, Token: 1, Choice: -1}, {Rank: 3, Token: 0, Choice: -1}},
	})
}

func TestByExpert(t *testing.T) {
	// By expert: 0 has tokens of ranks 0 and 2, 1 the same; 3 has one; 4 and 5 have
	// one each; 6 has one of rank 0 and one of rank 3, 7 the same.
	packed := [][]ref.Copy{
		{{Rank: 0, Token: 0, Choice: 0}, {Rank: 2, Token: 0, Choice: 1}, {Rank: 0, Token: 0, Choice: 1}, {Rank: 2, Token: 0, Choice: 2}},
		{{Rank: 3, Token: 0, Choice: 2}},
		{{Rank: 0, Token: 1, Choice: 2}, {Rank: 2, Token: 0, Choice: 0}},
		{{Rank: 0, Token: 1, Choice: 0}, {Rank: 3, Token: 0, Choice: 1}, {Rank: 0, Token: 0, Choice: 2}, {Rank: 3, Token: 0, Choice: 0}},
	}
	p := place(t, 2, 2, 8)
	for _, alignment := range []int{-1, 0, 1} {
		same(t, "rows", ref.ByExpert(p, tiny(), alignment), packed)
	}
	// Every expert's rows begin at a multiple of 3, and the last ones end at one; an
	// expert that no token chose takes no row.
	pad := ref.Padding
	same(t, "aligned rows", ref.ByExpert(p, tiny(), 3), [][]ref.Copy{
		{packed[0][0], packed[0][1], pad, packed[0][2], packed[0][3], pad},
		{packed[1][0], pad, pad},
		{packed[2][0], pad, pad, packed[2][1], pad, pad},
		{packed[3][0], packed[3][1], pad, packed[3][2], packed[3][3], pad},
	})
	same(t, "rows by twos, which some are already", ref.ByExpert(p, tiny(), 2), [][]ref.Copy{
		packed[0],
		{packed[1][0], pad},
		{packed[2][0], pad, packed[2][1], pad},
		packed[3],
	})
}

func TestTargets(t *testing.T) {
	p := place(t, 2, 2, 8)
	for _, c := range []struct {
		experts []int32
		want    []int
	}{
		{nil, nil},
		{[]int32{-1, -1}, nil},
		{[]int32{7}, []int{3}},
		{[]int32{7, 0, 6, -1, 1}, []int{0, 3}},
		{[]int32{6, 4, 2, 0}, []int{0, 1, 2, 3}},
	} {
		same(t, "targets", ref.Targets(p, c.experts), c.want)
	}
}

func TestCount(t *testing.T) {
	// Rank 0's first token reaches both nodes, its second only the other one. Rank
	// 2's reaches both. Rank 3's reaches both, by two choices and by one.
	same(t, "counts", ref.Count(place(t, 2, 2, 8), tiny()), ref.Counts{
		Nodes:       []int64{2 + 1, 0, 2, 2},
		NodesWire:   []int64{1 + 1, 0, 1, 1},
		Rows:        []int64{2, 1, 2, 3},
		RanksRemote: []int64{1 + 2, 0, 1, 1},
		Copies:      []int64{3 + 2, 0, 3, 3},
		CopiesWire:  []int64{1 + 2, 0, 2, 1},
	})
	same(t, "counts of one node", ref.Count(place(t, 1, 4, 8), tiny()), ref.Counts{
		Nodes:       []int64{2, 0, 1, 1},
		NodesWire:   []int64{0, 0, 0, 0},
		Rows:        []int64{2, 1, 2, 3},
		RanksRemote: []int64{0, 0, 0, 0},
		Copies:      []int64{5, 0, 3, 3},
		CopiesWire:  []int64{0, 0, 0, 0},
	})
}
