package judge_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/commbench/commbench/bench/judge"
	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/nvml"
	"github.com/commbench/commbench/nvml/answer"
)

// Of GPUs that were used something is said, by their numbers, and of no others.
func TestOnly(t *testing.T) {
	seen := judge.Seen{Looks: 9, Reasons: map[int]nvml.Reasons{2: nvml.PowerCap}, Seconds: map[int]float64{2: 1.5}, Events: []nvml.Event{{Device: 2, Xid: 79}}}
	for name, test := range map[string]struct {
		spec   string
		used   []int
		change func(before, after *probe.Page)
		want   map[string]string // of verdicts: a state, or what a bad or unknown one says
	}{
		"in trouble": {"h100x4,ecc:2,link-down:2", []int{1, 2}, nil, map[string]string{judge.Clocks: "GPU 2 was held down for 1.50 s by power cap",
			judge.Faults: "GPU 2: 3 memory errors that ECC could not correct; GPU 2: Xid 79", judge.Links: "GPU 2: NVLink 0, 1 down"}},
		"others in trouble":  {"h100x4,ecc:2,link-down:2", []int{0, 1, 3}, nil, map[string]string{judge.Clocks: record.Good, judge.Faults: record.Good, judge.Links: record.Good}},
		"not on the page":    {"h100x4", []int{1, 7}, nil, map[string]string{judge.Clocks: "NVML does not show the one at 0000:df:00.0", judge.Faults: "NVML does not show", judge.Links: "NVML does not show"}},
		"no NVML":            {"h100x4", []int{1}, func(p, q *probe.Page) { p.GPUs = answer.None[[]probe.GPU]("no driver"); q.GPUs = p.GPUs }, map[string]string{judge.Clocks: "no driver", judge.Faults: "no driver", judge.Links: "no driver"}},
		"nobody looks after": {"h100x4", []int{1}, nil, map[string]string{judge.Clocks: record.Good, judge.Faults: "not looked at after the run"}},
	} {
		t.Run(name, func(t *testing.T) {
			m, wait := machine(t, test.spec)
			before := m.Read()
			wait(3)
			after := m.Again(before)
			use := judge.Use{Only: []string{}}
			for _, n := range test.used {
				use.Only = append(use.Only, []string{"0000:1b:00.0", "0000:43:00.0", "0000:52:00.0", "0000:61:00.0", 7: "0000:df:00.0"}[n])
			}
			if test.change != nil {
				test.change(before, after)
			}
			if name == "nobody looks after" {
				after = nil
			}
			all := judge.Host(before, after, &seen, use)
			sound(t, all)
			for verdict, want := range test.want {
				v := all[slices.IndexFunc(all, func(v record.Verdict) bool { return v.Name == verdict })]
				if v.State != want && !strings.Contains(v.Why, want) || v.State == record.None {
					t.Errorf("%v, expected %q", v, want)
				}
			}
			if len(seen.Reasons) != 1 || len(seen.Seconds) != 1 || len(seen.Events) != 1 || len(before.GPUs.Or(nil)) == 1 {
				t.Error("what was judged has changed")
			}
		})
	}
}
