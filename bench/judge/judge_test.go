package judge_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/commbench/commbench/bench/judge"
	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/bench/record"
)

// verdict is what a test expects of facts.
type verdict struct {
	name, state string
	why         string // a part of it
	facts       func() []record.Verdict
}

// states are all that each verdict can have.
var states = map[string][]string{
	judge.LineRate:   {record.Bad, record.Good, record.None, record.Unknown},
	judge.NICBytes:   {record.Bad, record.Good, record.None, record.Unknown},
	judge.NearestNIC: {record.Bad, record.Good, record.None, record.Unknown},
	judge.Links:      {record.Bad, record.Good, record.None, record.Unknown},
	judge.Clocks:     {record.Bad, record.Good, record.None, record.Unknown},
	judge.Faults:     {record.Bad, record.Good, record.None, record.Unknown},
	judge.Governor:   {record.Bad, record.Good, record.None, record.Unknown},
	judge.HugePages:  {record.Bad, record.Good, record.None, record.Unknown},
	judge.Workers:    {record.Bad, record.Good},
	judge.Noise:      {record.Bad, record.Good, record.Unknown},
}

func TestVerdicts(t *testing.T) {
	tried := map[string]map[string]bool{}
	for _, tests := range []map[string]verdict{standing(t), hosts(t), runs(t), figures()} {
		for what, test := range tests {
			if tried[test.name] == nil {
				tried[test.name] = map[string]bool{}
			}
			tried[test.name][test.state] = true
			t.Run(test.name+"/"+what, func(t *testing.T) {
				got := test.facts()
				sound(t, got)
				if diff := cmp.Diff(got, test.facts()); diff != "" {
					t.Errorf("of the same facts another time (-first +second):\n%s", diff)
				}
				i := slices.IndexFunc(got, func(v record.Verdict) bool { return v.Name == test.name })
				if i < 0 || got[i].State != test.state || !strings.Contains(got[i].Why, test.why) {
					t.Fatalf("got %v, expected %s, with %q", got, test.state, test.why)
				}
			})
		}
	}
	got := map[string][]string{}
	for name, all := range tried {
		got[name] = slices.Sorted(maps.Keys(all))
	}
	if diff := cmp.Diff(states, got); diff != "" {
		t.Errorf("states that were tried (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(states)), slices.Sorted(slices.Values(judge.Names))); diff != "" {
		t.Errorf("names (-tried +judge.Names):\n%s", diff)
	}
}

// sound checks what holds of all verdicts: one of four states, a reason on one line, and
// their order.
func sound(t *testing.T, all []record.Verdict) {
	t.Helper()
	last := -1
	for _, v := range all {
		if !slices.Contains([]string{record.Good, record.Bad, record.Unknown, record.None}, v.State) {
			t.Errorf("%v: there is no such state", v)
		}
		if v.Why == "" || strings.ContainsFunc(v.Why, unicode.IsControl) {
			t.Errorf("%s: %q: expected one line", v.Name, v.Why)
		}
		at := slices.Index(judge.Names, v.Name)
		if at <= last {
			t.Errorf("%s is not where judge.Names has it", v.Name)
		}
		last = at
	}
}

// Whatever machines there are, and whatever is wrong with them, there is a verdict on each thing.
func TestAllMachines(t *testing.T) {
	specs, faults := probe.Fakes()
	for _, f := range faults {
		if f.Name != "hang" { // nobody would be here to judge
			specs = append(specs, "h100x2,"+f.Name)
		}
	}
	for _, spec := range specs {
		t.Run(spec, func(t *testing.T) {
			m, wait := machine(t, spec)
			before := m.Read()
			wait(3)
			after := m.Again(before)
			use := judge.Use{Interface: "mlx5_0", GPUs: 8, Private: true, Share: true}
			for _, all := range [][]record.Verdict{judge.Machine(before), judge.Machine(after), judge.Host(before, after, &judge.Seen{Looks: 1}, use)} {
				sound(t, all)
				if len(all) < 5 {
					t.Errorf("%d verdicts", len(all))
				}
			}
		})
	}
}

func TestUnseen(t *testing.T) {
	all := judge.Unseen("no answer for 3s from GPU 1\nor from any other")
	sound(t, all)
	host := judge.Host(bare(), bare(), &judge.Seen{}, judge.Use{})
	for i, v := range all {
		if v.Name != host[i].Name || v.State != record.Unknown || !strings.Contains(v.Why, "no answer for 3s from GPU 1") {
			t.Errorf("%v, where a host that was seen has %v", v, host[i])
		}
	}
}

func TestMerge(t *testing.T) {
	good, bad := record.Verdict{Name: judge.Links, State: record.Good, Why: "all up"}, record.Verdict{Name: judge.Links, State: record.Bad, Why: "one down"}
	unknown, none := record.Verdict{Name: judge.Links, State: record.Unknown, Why: "no answer"}, record.Verdict{Name: judge.Links, State: record.None, Why: "no GPU"}
	of := func(state, why string) *record.Verdict {
		return &record.Verdict{Name: judge.Links, State: state, Why: why}
	}
	tests := map[string]struct {
		of   []record.Verdict // of as many hosts; one without a name is that the host has none
		want *record.Verdict
	}{
		"one host is not named":     {[]record.Verdict{bad}, of(record.Bad, "one down")},
		"bad before unknown":        {[]record.Verdict{good, unknown, bad}, of(record.Bad, "c: one down")},
		"unknown before good":       {[]record.Verdict{none, good, unknown}, of(record.Unknown, "c: no answer")},
		"good before none":          {[]record.Verdict{none, good}, of(record.Good, "all up")},
		"none":                      {[]record.Verdict{none, none}, of(record.None, "no GPU")},
		"all that say so":           {[]record.Verdict{bad, good, bad}, of(record.Bad, "a: one down; c: one down")},
		"many that say so":          {slices.Repeat([]record.Verdict{bad}, 6), of(record.Bad, "a: one down; b: one down; c: one down; d: one down; and 2 more")},
		"a host that says nothing":  {[]record.Verdict{{}, bad}, of(record.Bad, "b: one down")},
		"hosts that say nothing":    {[]record.Verdict{{}, {}}, nil},
		"no host":                   {nil, nil},
		"what is worse comes first": {[]record.Verdict{bad, unknown}, of(record.Bad, "a: one down")},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var lists [][]record.Verdict
			for _, v := range test.of {
				lists = append(lists, slices.DeleteFunc([]record.Verdict{v}, func(v record.Verdict) bool { return v.Name == "" }))
			}
			var want []record.Verdict
			if test.want != nil {
				want = []record.Verdict{*test.want}
			}
			got := judge.Merge([]string{"a", "b", "c", "d", "e", "f"}[:len(lists)], lists)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("merged (-want +got):\n%s", diff)
			}
		})
	}
	// All names of a host, in their order.
	m, _ := machine(t, "h100x2")
	p := m.Read()
	all := judge.Host(p, p, &judge.Seen{}, judge.Use{})
	if diff := cmp.Diff(all, judge.Merge([]string{"a", "b"}, [][]record.Verdict{all, all}), ignoringHosts); diff != "" {
		t.Errorf("merged with itself (-one +both):\n%s", diff)
	}
}

// ignoringHosts compares reasons without the hosts that Merge names.
var ignoringHosts = cmp.Comparer(func(a, b record.Verdict) bool { return a.Name == b.Name && a.State == b.State })

func TestOrder(t *testing.T) {
	var shuffled, want []record.Verdict
	for i := range judge.Names {
		want = append(want, record.Verdict{Name: judge.Names[i]})
		shuffled = append(shuffled, record.Verdict{Name: judge.Names[(7*i+3)%len(judge.Names)]})
	}
	judge.Order(shuffled)
	if diff := cmp.Diff(want, shuffled); diff != "" {
		t.Errorf("ordered (-want +got):\n%s", diff)
	}
}

func TestBroken(t *testing.T) {
	bad, other := record.Verdict{Name: judge.Noise, State: record.Bad, Why: "30 %"}, record.Verdict{Name: judge.Noise, State: record.Bad, Why: "40 %"}
	recs := []record.Record{
		{Verdicts: []record.Verdict{{Name: judge.Links, State: record.Unknown}, bad}},
		{},
		{Verdicts: []record.Verdict{bad, other, {Name: judge.Clocks, State: record.Good}}},
	}
	if diff := cmp.Diff([]record.Verdict{bad, other}, judge.Broken(recs)); diff != "" {
		t.Errorf("broken (-want +got):\n%s", diff)
	}
	if got := judge.Broken(nil); got != nil {
		t.Errorf("of no record: %v", got)
	}
}
