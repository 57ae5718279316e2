package bench

import (
	"slices"
	"strings"
	"testing"

	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/transport/numa"
)

func TestKnee(t *testing.T) {
	for _, c := range []struct {
		name  string
		times []float64
		want  int
	}{
		{"none", nil, -1},
		{"one", []float64{5}, 0},
		{"the last is best", []float64{400, 200, 100}, 2},
		{"more do not help", []float64{400, 200, 201, 205}, 1},
		{"nearly as good", []float64{400, 101.9, 100, 130}, 1},
		{"not quite", []float64{400, 102.1, 100, 130}, 2},
		{"one is enough", []float64{100, 100, 99}, 0},
		{"more are worse", []float64{100, 150, 200}, 0},
		{"a good one after a bad one", []float64{100, 150, 99}, 0},
	} {
		if got := knee(c.times); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestSteps(t *testing.T) {
	for _, c := range []struct {
		most, cores int
		want        []int
	}{
		{1, 1, []int{1}},
		{2, 1, []int{1, 2}},
		{4, 2, []int{1, 2, 3, 4}},
		{3, 64, []int{1, 2, 3}},
		{20, 10, []int{1, 2, 3, 4, 6, 8, 10, 12, 16, 20}},
		{32, 16, []int{1, 2, 3, 4, 6, 8, 12, 16, 24, 32}},
	} {
		if got := steps(c.most, c.cores); !slices.Equal(got, c.want) {
			t.Errorf("up to %d on %d cores: %v, want %v", c.most, c.cores, got, c.want)
		}
	}
	if got := steps(maxWorkers, maxWorkers-1); len(got) > maxCounts {
		t.Errorf("%d numbers of workers", len(got))
	}
}

// What bounds an operation is read off the limits on both sides of the knee.
func TestKneeInWords(t *testing.T) {
	type at struct {
		workers  int
		us, gbps float64
		limit    float64 // 0: none; below 0: loopback's
	}
	for _, c := range []struct {
		name         string
		at           []at
		cores        int
		below, above string
	}{
		{"cores", []at{{1, 200, 10, 11}, {2, 100, 20, 22}, {4, 120, 16.7, 22}}, 2,
			"1 worker reaches 0.500x of that rate, and its limit is 0.500x of the knee's: what so few can move at all", "4 workers take 1.20x the time: cores bound it, of which 2 may be used"},
		{"memory", []at{{2, 200, 10, 11}, {4, 100, 20, 22}, {8, 100, 20, 23}}, 16,
			"2 workers reach", "memory bounds it, as the limit is at most 23.0 GB/s"},
		{"itself", []at{{1, 200, 10, 21}, {2, 100, 20, 22}, {3, 100, 20, 33}, {4, 99, 20, 30}}, 16,
			"that much could be moved", "the limit goes on from 22.0 to 33.0 GB/s with 3 workers"},
		{"no limits", []at{{1, 200, 10, 0}, {2, 100, 20, 0}, {3, 100, 20, 0}}, 16,
			"below it: 1 worker reaches 0.500x of that rate", "above it: 3 workers take 1.00x the time"},
		{"loopback's", []at{{1, 200, 10, -21}, {2, 100, 20, -22}, {3, 100, 20, -33}}, 16,
			"below it: 1 worker reaches 0.500x of that rate", "above it: 3 workers take 1.00x the time"},
		{"one is enough", []at{{1, 100, 10, 11}}, 2, "below it: nothing", "above it: not measured"},
		{"none below", []at{{2, 100, 10, 11}, {4, 100, 10, 11}}, 2, "below it: not measured", "above it: 4 workers take"},
	} {
		var s SweepResult
		var times []float64
		for _, a := range c.at {
			r := record.Record{Exec: record.Exec{Workers: &a.workers}, TimeUS: record.Times{P50: &a.us}}
			switch {
			case a.limit > 0:
				r.Limit = &record.Limit{GBps: a.limit}
			case a.limit < 0:
				r.Limit = &record.Limit{Kind: record.LimitLoopback, GBps: -a.limit}
			}
			s.Records, s.GBps, times = append(s.Records, r), append(s.GBps, &a.gbps), append(times, a.us)
		}
		s.Knee = knee(times)
		if got := s.below(); !strings.Contains(got, c.below) {
			t.Errorf("%s: %q, want %q", c.name, got, c.below)
		}
		if got := s.above(c.cores); !strings.Contains(got, c.above) {
			t.Errorf("%s: %q, want %q", c.name, got, c.above)
		}
		if got := s.below() + s.above(c.cores); c.name == "loopback's" && strings.Contains(got, "limit") {
			t.Errorf("%s: %q speaks of the limit of so many workers", c.name, got)
		}
	}
}

func TestKneeByRounds(t *testing.T) {
	s := SweepResult{Records: []record.Record{
		{Exec: record.Exec{Workers: new(1)}, SamplesUS: []float64{200, 100, 200}},
		{Exec: record.Exec{Workers: new(2)}, SamplesUS: []float64{100, 100, 130}},
		{Exec: record.Exec{Workers: new(3)}, SamplesUS: []float64{101, 150}}, // an interrupt came before the third
	}}
	if few, many := s.rounds(); few != 1 || many != 2 {
		t.Errorf("from %d to %d, want 1 to 2", few, many)
	}
}

func TestPinnedSweepsKeepToOneMemoryNode(t *testing.T) {
	one := numa.Topology{Nodes: make([]numa.Node, 1)}
	if err := spread(one); err != nil {
		t.Error(err)
	}
	two := numa.Topology{Nodes: make([]numa.Node, 2)}
	if err := spread(two); err == nil || !strings.Contains(err.Error(), "unpinned") {
		t.Errorf("two memory nodes: %v", err)
	}
}
